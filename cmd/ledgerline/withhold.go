package main

import (
	"ledgerline/api"
	"ledgerline/events"
)

// withholdConfig keeps the holders of roles from fields of events; see api.Withholding.
type withholdConfig struct {
	Registrar []string `toml:"registrar" usage:"fields, such as actor, that registrars are kept from, whatever other roles they hold"`
	Reviewer  []string `toml:"reviewer" usage:"fields that reviewers are kept from"`
	Provider  []string `toml:"provider" usage:"fields that providers are kept from"`
	Consumer  []string `toml:"consumer" usage:"fields that consumers are kept from"`
	Operator  []string `toml:"operator" usage:"fields that operators are kept from"`
	Auditor   []string `toml:"auditor" usage:"fields that auditors are kept from"`
	Admin     []string `toml:"admin" usage:"fields that administrators are kept from"`
	Anonymous []string `toml:"anonymous" usage:"fields that those without a token are kept from"`
}

func (c withholdConfig) byRole() api.Withholding {
	return api.Withholding{
		api.RoleRegistrar: c.Registrar, api.RoleReviewer: c.Reviewer, api.RoleProvider: c.Provider, api.RoleConsumer: c.Consumer,
		api.RoleOperator: c.Operator, api.RoleAuditor: c.Auditor, api.RoleAdmin: c.Admin, api.RoleAnonymous: c.Anonymous,
	}
}

// check refuses fields that nobody can be kept from.
func (c withholdConfig) check() error {
	for role, fields := range c.byRole() {
		if err := events.CheckWithheld(fields); err != nil {
			return usage("--withhold-%s: %w", role, err)
		}
	}
	return nil
}
