package projections

import (
	"context"
	"slices"
)

// OtherNames lists the names that symlinks and renames have ever given to the
// same data as a dataset's, directly or through one another, sorted. Who asks for
// all records about a dataset has to ask for these as well.
func (w *View) OtherNames(ctx context.Context, ds Dataset) ([]Dataset, error) {
	names := []Dataset{ds}
	err := w.read(func(r *reader) error {
		for i := 0; i < len(names); i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			var row datasetRow
			if _, err := r.find(names[i].key(), &row); err != nil {
				return err
			}
			for _, other := range row.SameAs {
				if !slices.Contains(names, other.Dataset) {
					names = append(names, other.Dataset)
				}
			}
		}
		return nil
	})
	names = names[1:]
	slices.SortFunc(names, Dataset.compare)
	return names, err
}
