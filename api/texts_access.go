package api

// accessTexts are about who reads, how they sign in, and what is withheld from them.
var accessTexts = map[string][2]string{
	"title-sign-in":    {"Sign in · Ledgerline", "登录 · Ledgerline"},
	"sign-in":          {"Sign in", "登录"},
	"sign-out":         {"Sign out", "退出登录"},
	"signed-in":        {"Signed in:", "当前登录："},
	"scope-of-parties": {"parties", "部门"},
	"scope-of-regions": {"regions", "行政区划"},
	"scope-of-fields":  {"without the fields", "不含字段"},
	"reads-about":      {"reads about", "可见范围："},
	"sign-in-failed":   {"You could not be signed in.", "登录未成功。"},
	"sign-in-already":  {"You are signed in. Signing in again ends that session.", "您已登录。再次登录将结束当前会话。"},
	"sign-in-provider": {"Sign in at your identity provider", "通过身份提供方登录"},
	"token":            {"Token", "访问令牌"},
	"token-hint":       {"The token that an operator made for you. It is not kept: the browser holds a cookie that ends with the session.", "由运维人员为您签发的访问令牌。令牌不会被保存：浏览器只保存一个随会话结束而失效的 Cookie。"},
	"session-ended":    {"Your session has ended: its time was over, its token was withdrawn, or the server was started anew. Sign in again to go on.", "会话已结束：可能是超过时限、令牌被撤销或服务器已重新启动。请重新登录后继续。"},

	"problem-too-much": {"This takes more work, or is longer, than this server allows one question.", "该问题所需的工作量或内容长度超过本服务器对单个问题的限额。"},
	"problem-address":  {"There is no page at this address.", "该网址没有页面。"},
	"problem-server":   {"This server cannot answer at the moment. Nothing is wrong with the question.", "本服务器暂时无法答复，并非问题有误。"},
	"problem-wait":     {"Try again after this many seconds:", "请在以下秒数之后重试："},
	"problem-instance": {"For the operator, who finds the reason in the log by it:", "请将此编号告知运维人员，以便在日志中查找原因："},
	"problem-start":    {"Start page", "首页"},

	"within-scope":   {"In what you may see: ", "在您的可见范围内："},
	"may-see":        {"Complete for what you may see.", "在您的可见范围内完整。"},
	"withheld-count": {"Withheld from this page:", "本页未予显示的项数："},
}
