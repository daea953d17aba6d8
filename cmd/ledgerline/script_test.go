package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ledgerline": main})
}

// TestScripts runs testdata/*.txt, which are also the manual of the program:
// each shows one task as a user does it. Beside what testscript knows they can
//
//	start NAME ledgerline serve …   start a server in the background; its URL is $NAME
//	stop NAME                       interrupt it and require a clean end
//	killserver NAME                 end it with SIGKILL
//	http [STATUS] METHOD URL [TYPE FILE]
//	                                send a request, want the status (default 200 or
//	                                201), print the body
//	exitcode N COMMAND…             run a command and require its exit code
//	flip PATTERN PERCENT            change one byte of the largest file that matches
//	edit FILE PATTERN TEXT          replace what a regular expression matches
//	addto FILE FROM                 append a file to another
//	jsonget FILE MEMBER             print a member of a JSON object that is a string
//	waitlog URL N                   wait until the published checkpoint covers N records
//
// $DATA is the testdata directory. A server's host and port are in $NAME_ADDR.
func TestScripts(t *testing.T) {
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Values[serversKey{}] = map[string]*server{}
			e.Setenv("TZ", "UTC")
			e.Setenv("DATA", data)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": scriptStart, "halt": scriptStop, "killserver": scriptKill, "http": scriptHTTP, "exitcode": scriptExitCode,
			"flip": scriptFlip, "edit": scriptEdit, "addto": scriptAddTo, "jsonget": scriptJSONGet, "waitlog": scriptWaitLog, "waitfor": scriptWaitFor,
		},
	})
}

// server is a ledgerline that serves in a process of its own.
type server struct {
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	stderr *bytes.Buffer
}

// startServer starts the program and waits until it says that it listens.
func startServer(dir string, env []string, args ...string) (*server, error) {
	return startProgram(dir, env, "ledgerline", args...)
}

func startProgram(dir string, env []string, name string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(name, args...), stderr: new(bytes.Buffer)}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = dir, env, s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		waitErr := s.cmd.Wait()
		return nil, fmt.Errorf("ledgerline %s did not serve: %q, %v, %v\n%s", strings.Join(args, " "), line, err, waitErr, s.stderr)
	}
	s.url = url
	return s, nil
}

// end sends a signal and waits for the process. Where it listens must have been
// all it said on standard output.
func (s *server) end(sig os.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil {
		return err
	}
	more, err := io.ReadAll(s.stdout)
	if err != nil || len(more) > 0 {
		return errors.Join(fmt.Errorf("the server printed more than where it listens: %q, %w", more, err), s.cmd.Wait())
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, s.stderr)
	}
	return nil
}

// TestStopEndsStreams checks that a client that follows the events, and so never
// ends its request, does not hold up the end of the server.
func TestStopEndsStreams(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "led")
	command(t, "init", "--dir", dir, "--origin", "ledger.example/stop")
	s := serveDir(t, dir)
	res, err := http.Get(s.url + "/v1/events/stream?from=0")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %q, %v", res.Status, first, err)
	}
	began := time.Now()
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= shutdownGrace {
		t.Errorf("the server took %s to stop", took)
	}
}

type serversKey struct{}

func servers(ts *testscript.TestScript) map[string]*server {
	return ts.Value(serversKey{}).(map[string]*server)
}

func scriptStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[1] != "ledgerline" {
		ts.Fatalf("usage: start NAME ledgerline serve …")
	}
	env := append(os.Environ(), "TZ=UTC", "HOME="+ts.Getenv("WORK"))
	s, err := startServer(ts.Getenv("WORK"), env, args[2:]...)
	ts.Check(err)
	servers(ts)[args[0]] = s
	ts.Setenv(args[0], s.url)
	ts.Setenv(args[0]+"_ADDR", strings.TrimPrefix(s.url, "http://"))
	ts.Defer(func() {
		if s.cmd.ProcessState == nil { // the script failed before it stopped the server
			s.cmd.Process.Kill()
			s.cmd.Wait()
		}
	})
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || servers(ts)[args[0]] == nil {
		ts.Fatalf("usage: stop NAME, of a server that was started")
	}
	ts.Check(servers(ts)[args[0]].end(os.Interrupt))
}

func scriptKill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || servers(ts)[args[0]] == nil {
		ts.Fatalf("usage: killserver NAME, of a server that was started")
	}
	if err := servers(ts)[args[0]].end(syscall.SIGKILL); err == nil {
		ts.Fatalf("the server ended well, though it was killed")
	}
}

func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	want := ""
	if len(args) > 0 && len(args[0]) == 3 && args[0][0] <= '9' {
		want, args = args[0], args[1:]
	}
	if neg || len(args) != 2 && len(args) != 4 {
		ts.Fatalf("usage: http [STATUS] METHOD URL [TYPE FILE]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var body io.Reader
	if len(args) == 4 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	req, err := http.NewRequestWithContext(ctx, args[0], args[1], body)
	ts.Check(err)
	if body != nil {
		req.Header.Set("Content-Type", args[2])
	}
	if token := ts.Getenv("TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Stdout().Write(answer)
	if got := strconv.Itoa(res.StatusCode); got != want && !(want == "" && res.StatusCode/100 == 2) {
		ts.Fatalf("%s %s: %s\n%s", args[0], args[1], res.Status, answer)
	}
}

func scriptExitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip PATTERN PERCENT")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	var largest string
	var b []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		ts.Check(err)
		if len(text) > len(b) {
			largest, b = file, text
		}
	}
	percent, err := strconv.Atoi(args[1])
	ts.Check(err)
	if largest == "" || percent < 0 || percent >= 100 {
		ts.Fatalf("%s matches no file with content, or %d is not a percentage", args[0], percent)
	}
	b[len(b)*percent/100] ^= 1
	ts.Check(os.WriteFile(largest, b, 0o600))
}

func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE PATTERN TEXT")
	}
	before := ts.ReadFile(args[0])
	after := regexp.MustCompile(args[1]).ReplaceAllString(before, args[2])
	if after == before {
		ts.Fatalf("%s: %s changes nothing", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o600))
}

func scriptAddTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: addto FILE FROM")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

func scriptJSONGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jsonget FILE MEMBER")
	}
	var members map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &members))
	text, ok := members[args[1]].(string)
	if !ok {
		ts.Fatalf("%s has no string member %s", args[0], args[1])
	}
	_, err := io.WriteString(ts.Stdout(), text)
	ts.Check(err)
}

// scriptWaitFor asks until an answer, whatever its status, has a pattern in it.
func scriptWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor URL PATTERN")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	var b []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(args[0])
		ts.Check(err)
		b, err = io.ReadAll(res.Body)
		ts.Check(errors.Join(err, res.Body.Close()))
		if want.Match(b) {
			return
		}
	}
	ts.Fatalf("%s does not answer %s within 20 s, but:\n%s", args[0], args[1], b)
}

func scriptWaitLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitlog URL N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(args[0] + "/log/checkpoint")
		ts.Check(err)
		b, err := io.ReadAll(res.Body)
		ts.Check(errors.Join(err, res.Body.Close()))
		lines := strings.Split(string(b), "\n")
		if len(lines) < 2 {
			ts.Fatalf("not a checkpoint: %q", b)
		}
		size, err := strconv.Atoi(lines[1])
		ts.Check(err)
		if size >= want {
			return
		}
	}
	ts.Fatalf("%s did not publish %d records within 20 s", args[0], want)
}
