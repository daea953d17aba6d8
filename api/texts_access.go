package api

// accessTexts are about who reads, and what of it is withheld.
var accessTexts = map[string][2]string{
	"may-see":        {"Complete for what you may see.", "在您的可见范围内完整。"},
	"withheld-count": {"Withheld from this page:", "本页未予显示的项数："},
}
