package api

// accessTexts are about who reads, how they sign in, and what is withheld from them.
var accessTexts = map[string][2]string{
	"title-sign-in":    {"Sign in · Ledgerline", "登录 · Ledgerline"},
	"sign-in":          {"Sign in", "登录"},
	"sign-out":         {"Sign out", "退出登录"},
	"signed-in":        {"Signed in:", "当前登录："},
	"scope-of-parties": {"parties", "部门"},
	"scope-of-regions": {"regions", "行政区划"},
	"reads-about":      {"reads about", "可见范围："},
	"sign-in-failed":   {"You could not be signed in.", "登录未成功。"},
	"sign-in-already":  {"You are signed in. Signing in again ends that session.", "您已登录。再次登录将结束当前会话。"},
	"sign-in-provider": {"Sign in at your identity provider", "通过身份提供方登录"},
	"token":            {"Token", "访问令牌"},
	"token-hint":       {"The token that an operator made for you. It is not kept: the browser holds a cookie that ends with the session.", "由运维人员为您签发的访问令牌。令牌不会被保存：浏览器只保存一个随会话结束而失效的 Cookie。"},
	"may-see":          {"Complete for what you may see.", "在您的可见范围内完整。"},
	"withheld-count":   {"Withheld from this page:", "本页未予显示的项数："},
}
