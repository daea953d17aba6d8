// Package evidence packs what proves an answer into one file, and checks it
// without the ledger.
//
// An evidence bundle is a ZIP that a person can be given, keep for years, and
// have checked by somebody else: the records with their inclusion proofs, the
// signed checkpoint these lead to, what was withheld or erased, and words that
// say what it shows and how to check it. docs/format.md fixes its form; verify.py
// beside this file checks the same things in plain Python, and the two agree on
// every input.
//
// What a bundle shows is said by its [Report]: a [Verdict] on who vouches for
// it, and whether the answer is complete. Words inside the bundle prove nothing.
package evidence
