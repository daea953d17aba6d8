// Package rulepack holds law as versioned data: deadlines, the calendars they
// are counted by, violation codes, retention classes, and what fields and codes
// are called.
//
// A Pack says which event starts a clock, how long it runs, which event stops it
// and what a miss is called. A Calendar says which days are working days. Both
// are published into the ledger before anything is derived from them, and every
// deadline names the rule, the pack and the calendar version that it was counted
// by, so that a later version rewrites no due date of the past.
//
// Nothing here knows one country: cn-809-2025 and generic are two files of the
// same form.
package rulepack
