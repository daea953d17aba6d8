package evidence

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"ledgerline/ledger/proof"
)

// checkProducer checks the signature of who sent a record, if there is one.
func (c *checker) checkProducer(content []byte, body *proof.Body) error {
	if len(body.Signature) == 0 {
		return nil
	}
	public, err := proof.CheckSignature(content)
	if err != nil {
		return err
	}
	key := base64.StdEncoding.EncodeToString(public)
	i := slices.IndexFunc(c.report.Producers, func(p ProducerKey) bool { return p.Party == body.Party && p.Key == key })
	if i < 0 {
		i = len(c.report.Producers)
		c.report.Producers = append(c.report.Producers, ProducerKey{Party: body.Party, Key: key})
	}
	c.report.Producers[i].Records++
	return nil
}

// checkNumber holds that the number of a record is not among those that are said to be
// missing. How a record from before the ledger was numbered says nothing.
func (c *checker) checkNumber(body *proof.Body) error {
	if body.Producer == nil || body.Imported {
		return nil
	}
	seq := body.Producer.Seq
	for _, n := range c.manifest.Numbering {
		if n.Principal != body.Principal || n.Producer != body.Producer.ID {
			continue
		}
		missing := func(r Run) bool { return uint64(r.First) <= seq && seq <= uint64(r.Last) }
		if seq > uint64(max(0, n.Last)) || slices.ContainsFunc(n.Missing, missing) {
			return fmt.Errorf("number %d of producer %q is said to be missing", seq, n.Producer)
		}
	}
	return nil
}

// checkAnchors holds that anchors stand in the log and are over heads of its past, and
// takes the times of those whose token the checker trusts. One of another authority is
// no fault; it counts for nothing.
func (c *checker) checkAnchors() *Refusal {
	var trusted []stamped
	last := int64(0)
	for _, at := range c.manifest.Anchors {
		head, name, err := c.anchor(at)
		if err == nil && head.Size < last {
			name, err = nameAnchor(at, "cbor"), errors.New("it is over an earlier head than the anchor before")
		}
		if err != nil {
			return refuse("time", name, err)
		}
		last = head.Size
		if c.trust.Roots == nil {
			continue
		}
		if token, err := CheckTimestamp(head.Response, []byte(head.Checkpoint), c.trust.Roots); err == nil {
			trusted = append(trusted, stamped{at, head.Size, token.Time})
		}
	}
	if len(trusted) == 0 {
		return nil
	}
	all := len(c.manifest.Records) > 0
	for _, r := range c.manifest.Records {
		b := bracket(trusted, r.Position)
		if all = all && b.NotAfter != ""; b.NotBefore != "" || b.NotAfter != "" {
			c.report.Times = append(c.report.Times, b)
		}
	}
	if all && c.report.Verdict == Signed {
		c.report.Verdict = Timestamped
	}
	return nil
}

// anchor checks all but the token of an anchor. The name is of the file at fault.
func (c *checker) anchor(at int64) (head proof.AnchoredHead, name string, err error) {
	name = nameAnchor(at, "cbor")
	leaf, content, salt, err := proof.DecodeRecord(c.files[name])
	if err == nil && content == nil {
		err = errors.New("it has no body")
	}
	if err == nil {
		err = proof.CheckRecord(leaf, content, &salt)
	}
	if err != nil {
		return head, name, err
	}
	l, err := proof.ParseLeaf(leaf)
	if err == nil && l.Position != uint64(at) {
		err = errors.New("it is another record")
	}
	if err != nil {
		return head, name, err
	}
	body, err := proof.ParseBody(content)
	if err != nil {
		return head, name, err
	}
	head, ok := body.Anchors()
	if !ok || head.Size > at {
		return head, name, errors.New("it is no anchor of an earlier head")
	}
	name = nameAnchor(at, "tlog-proof")
	if err := c.checkProof(name, at, leaf); err != nil {
		return head, name, err
	}
	name = nameAnchor(at, "json")
	from, err := c.grownFrom(name, head.Size, proof.Consistency.CheckPast)
	if err == nil && from != head.Checkpoint {
		err = errors.New("it begins at another head")
	}
	if err != nil {
		return head, name, err
	}
	if name = nameAnchor(at, "head"); string(c.files[name]) != head.Checkpoint {
		return head, name, errors.New("it is not the head that the record holds")
	}
	if name = nameAnchor(at, "tsr"); !bytes.Equal(c.files[name], head.Response) {
		return head, name, errors.New("it is not the answer that the record holds")
	}
	return head, "", nil
}

// checkWitnessed holds that the cosigned head is one of the log's past, and counts the
// cosignatures that the checker's policy asks for.
func (c *checker) checkWitnessed() *Refusal {
	size := c.manifest.Witnessed
	if size == 0 {
		return nil
	}
	signed, err := c.grownFrom(nameWitnessed(size), size, proof.Consistency.CheckPast)
	if err != nil {
		return refuse("witness", nameWitnessed(size), err)
	}
	if c.trust.Policy == nil {
		return nil
	}
	cosigned, enough := c.trust.Policy.count([]byte(signed))
	c.report.Witnesses = &Witnesses{Cosigned: cosigned, Of: len(c.trust.Policy.keys), Size: size}
	covers := c.commit < size && (len(c.manifest.Records) > 0 || c.commit >= 0)
	for _, r := range c.manifest.Records {
		covers = covers && r.Position < size
	}
	if enough && covers && c.trust.Keys != nil {
		c.report.Verdict = Witnessed
	}
	return nil
}
