package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var installed = flag.Bool("installed", false, "TestOperatingGuide builds the program as docs/operating.md does, which takes a minute or two")

// built builds the program as docs/operating.md and the Dockerfile do: without cgo, so
// that the file needs nothing of the machine it runs on. Without -installed it is what
// the scripts run.
func built(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(dir, "ledgerline")
	if !*installed {
		from, err := exec.LookPath("ledgerline")
		if err == nil {
			err = os.Symlink(from, to)
		}
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	c := exec.Command("go", "build", "-trimpath", "-o", to, "./cmd/ledgerline")
	c.Dir, c.Env = moduleRoot(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
	return to
}

// A guideBlock is a block of docs/operating.md that is followed, and what it prints.
type guideBlock struct {
	line   int // in the document
	script []string
	output []string
}

// guide reads the blocks marked sh, each with the block marked output behind it.
func guide(t *testing.T) (blocks []guideBlock) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	kind := ""
	for n, line := range strings.Split(string(b), "\n") {
		if mark, ok := strings.CutPrefix(line, "```"); ok {
			if kind != "" {
				kind = ""
				continue
			}
			if kind = mark; kind == "" {
				kind = "plain"
			}
			if kind == "sh" {
				blocks = append(blocks, guideBlock{line: n + 2})
			}
			continue
		}
		if len(blocks) == 0 {
			continue
		}
		last := &blocks[len(blocks)-1]
		switch kind {
		case "sh":
			last.script = append(last.script, line)
		case "output":
			last.output = append(last.output, line)
		}
	}
	return blocks
}

var (
	wantedCode  = regexp.MustCompile(`# .*exit code (\d)`)
	serveLine   = regexp.MustCompile(`^ledgerline serve `)
	serviceLine = regexp.MustCompile(`^systemctl (start|stop) ledgerline\b`)
	comment     = regexp.MustCompile(`\s+# .*$`)
)

// operator follows the guide: it runs what a block says, and keeps the server.
type operator struct {
	t      *testing.T
	dir    string
	bin    string // of the program
	env    []string
	server *server
	serve  []string // the line by which the server was started last
}

// TestOperatingGuide follows docs/operating.md, in the order of its blocks marked sh, with
// the program as it is installed: every command has the exit code that the guide says, 0
// if it says none, and prints what it quotes. A line that serves is started beside
// what follows; "systemctl" stops it, and starts it by the same line again.
func TestOperatingGuide(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "openssl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	bin := t.TempDir()
	program := built(t, bin)
	if *installed {
		static(t, program)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	o := &operator{t: t, dir: t.TempDir(), bin: bin}
	o.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TZ=UTC", "HOME="+o.dir)
	t.Cleanup(func() {
		if o.server != nil {
			o.server.cmd.Process.Kill()
			o.server.cmd.Wait()
		}
	})
	blocks := guide(t)
	if len(blocks) < 15 {
		t.Fatalf("%d blocks are followed: this test has lost sight of the guide", len(blocks))
	}
	for _, b := range blocks {
		said, err := o.follow(b, port)
		if err == nil {
			err = quotes(said, b.output)
		}
		if err != nil {
			t.Fatalf("docs/operating.md, line %d: %v\n%s", b.line, err, said)
		}
	}
}

// follow runs one block, and returns what it printed.
func (o *operator) follow(b guideBlock, port string) (string, error) {
	var said bytes.Buffer
	var script []string
	run := func() error {
		if len(script) == 0 {
			return nil
		}
		c := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(script, "\n"))
		c.Dir, c.Env, c.Stdout, c.Stderr = o.dir, o.env, &said, &said
		script = nil
		return c.Run()
	}
	for _, line := range b.script {
		line = strings.ReplaceAll(line, "8420", port)
		code := wantedCode.FindStringSubmatch(line)
		switch service := serviceLine.FindStringSubmatch(line); {
		case service != nil || serveLine.MatchString(line) && !strings.Contains(line, "--check-config") && code == nil:
			if err := run(); err != nil {
				return said.String(), err
			}
			if service == nil {
				o.serve = strings.Fields(comment.ReplaceAllString(line, ""))
			}
			if err := o.service(service != nil && service[1] == "stop"); err != nil {
				return said.String(), err
			}
		case strings.Contains(line, "go build "): // done, in the source
		case code != nil:
			script = append(script, "set +e", comment.ReplaceAllString(line, ""), "code=$?", "set -e",
				fmt.Sprintf(`if [ $code != %s ]; then echo "exit code $code, not %[1]s"; exit 9; fi`, code[1]))
		default:
			script = append(script, line)
		}
	}
	err := run()
	return said.String(), err
}

// service stops the server, or starts it, instead of one that runs.
func (o *operator) service(stop bool) (err error) {
	if o.server != nil {
		err = o.server.end(syscall.SIGTERM)
		o.server = nil
	}
	if stop || err != nil {
		return err
	}
	o.server, err = startProgram(o.dir, o.env, filepath.Join(o.bin, o.serve[0]), o.serve[1:]...)
	return err
}

// quotes reports whether each line of the guide's output is in a line of what was said,
// in order, with … for anything.
func quotes(said string, output []string) error {
	lines := strings.Split(said, "\n")
	for _, want := range output {
		parts := strings.Split(want, "…")
		for i, p := range parts {
			parts[i] = strings.Join(strings.Fields(regexp.QuoteMeta(p)), `\s+`)
		}
		pattern, err := regexp.Compile(strings.Join(parts, ".*"))
		if err != nil {
			return err
		}
		found := false
		for n, line := range lines {
			if found = pattern.MatchString(line); found {
				lines = lines[n+1:]
				break
			}
		}
		if !found {
			return fmt.Errorf("it does not print %q", want)
		}
	}
	return nil
}

// static holds the program of the guide and of the Dockerfile to needing no loader and
// no library, and to working for a user who owns nothing but the directory.
func static(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader")
		}
	}
	dir, err := os.MkdirTemp("", "ledgerline-nobody-") // t.TempDir is root's
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := exec.Command(filepath.Join(dir, "ledgerline"), "init", "--dir", filepath.Join(dir, "data", "led"), "--origin", "ledger.example/container")
	b, err := os.ReadFile(program)
	if err == nil {
		err = errors.Join(os.WriteFile(c.Path, b, 0o755), os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "data"), 0o700))
	}
	if err == nil && os.Geteuid() == 0 { // as the user of the image
		err = os.Chown(filepath.Join(dir, "data"), 65532, 65532)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("as a user who owns nothing else: %v\n%s", err, out)
	}
}

// TestDockerfile: the image is built like the program above, holds it alone, and does
// not run as root.
func TestDockerfile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(moduleRoot(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(mod)
	stages := strings.Split(string(b), "\nFROM ")
	if len(stages) != 3 {
		t.Fatalf("%d stages", len(stages)-1)
	}
	build, image := stages[1], stages[2]
	if !strings.HasPrefix(build, "golang:"+string(version[1])+" ") || !strings.Contains(build, "CGO_ENABLED=0 go build -trimpath") || !strings.Contains(build, "./cmd/ledgerline") {
		t.Errorf("it does not build with Go %s, without cgo:\n%s", version[1], build)
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(image)
	if !strings.HasPrefix(image, "scratch\n") || user == nil || user[1] == "0" || user[2] == "0" || !strings.Contains(image, "--chown="+user[1]+":"+user[2]+" /volume /\n") {
		t.Errorf("it is not the program alone, run by a user who owns the volume:\n%s", image)
	}
	if !strings.Contains(image, `ENTRYPOINT ["/ledgerline"]`) || !strings.Contains(image, `CMD ["serve", "--dir", "/data"]`) {
		t.Errorf("it does not serve:\n%s", image)
	}
}

// TestUnit: systemd takes the unit as it is, and finds it well confined.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no systemd-analyze")
	}
	b, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "deploy", "ledgerline.service"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("ledgerline")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", fmt.Sprint("RestartPreventExitStatus=", exitUsage)} {
		if !bytes.Contains(b, []byte("\n"+line+"\n")) {
			t.Errorf("it lacks %s", line)
		}
	}
	unit := filepath.Join(t.TempDir(), "ledgerline.service")
	if !bytes.Contains(b, []byte("=/usr/local/bin/ledgerline serve ")) {
		t.Fatal("it does not start the program that the guide installs")
	}
	if err := os.WriteFile(unit, bytes.Replace(b, []byte("/usr/local/bin/ledgerline"), []byte(program), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no", unit}, {"security", "--offline=true", "--threshold=20", unit}} {
		if out, err := exec.Command(analyze, args...).CombinedOutput(); err != nil || bytes.Contains(out, []byte("Unknown")) {
			t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
		}
	}
}
