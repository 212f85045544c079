"""Templates give what Go's text/template gives: the table was made with that."""

import pytest

from cli.go_template import TemplateError, render

VARIABLES = {"x": "X", "start-time": "now", "n": "5", "empty": "", "é": "u", "path": "/a/b"}

GIVEN: list[tuple[str, str]] = [
    ("{{.x}}", "X"),
    ("{{ .x }}-{{.n}}", "X-5"),
    ('{{index . "start-time"}}', "now"),
    ('{{index . "no"}}|', "|"),
    ('{{or (index . "no") "d"}}', "d"),
    ('{{or .x "d"}}', "X"),
    ("{{and .x .n}}", "5"),
    ("{{and .empty .missing}}", ""),
    ("{{or .x .missing}}", "X"),
    ("{{if .empty}}a{{else}}b{{end}}", "b"),
    ('{{if eq .x "X"}}a{{else if eq .x "Y"}}b{{else}}c{{end}}', "a"),
    ("{{with .x}}{{.}}{{end}}", "X"),
    ("{{with .empty}}a{{else}}b{{end}}", "b"),
    ("{{with .empty}}a{{else with .x}}{{.}}{{end}}", "X"),
    ("{{range $k, $v := .}}{{$k}}={{$v}};{{end}}", "empty=;n=5;path=/a/b;start-time=now;x=X;é=u;"),
    ("{{range $i := 3}}{{$i}}{{end}}", "012"),
    ("{{range 3}}x{{end}}", "xxx"),
    ('{{range $k,$v := .}}{{if eq $k "n"}}{{break}}{{end}}{{$k}},{{end}}', "empty,"),
    ('{{range $k,$v := .}}{{if ne $k "n"}}{{continue}}{{end}}{{$k}},{{end}}', "n,"),
    ("{{$y := .x}}{{$y}}", "X"),
    ('{{$y := .x}}{{if true}}{{$y = "z"}}{{end}}{{$y}}', "z"),
    ('{{$y := .x}}{{if true}}{{$y := "z"}}{{end}}{{$y}}', "X"),
    ("{{$.x}}", "X"),
    ("{{with .n}}{{$.x}}{{end}}", "X"),
    ('{{.x | printf "%s-%s" "a"}}', "a-X"),
    ('{{printf "%q" .x}}', '"X"'),
    ('{{printf "%5s|%-5s|" .x .x}}', "    X|X    |"),
    ('{{printf "%d %05d %x" 5 42 255}}', "5 00042 ff"),
    ('{{printf "%.2f" 3.14159}}', "3.14"),
    ('{{printf "%v %v" true nil}}', "true <nil>"),
    ('{{printf "%t" true}}', "true"),
    ('{{printf "%T" .x}}', "string"),
    ('{{printf "%3d|" 5}}', "  5|"),
    ('{{printf "%%"}}', "%"),
    ('{{printf "%e" 1.5}}', "1.500000e+00"),
    ('{{printf "%+d" 3}}', "+3"),
    ('{{printf "%.1s" .path}}', "/"),
    ("{{len .path}}", "4"),
    ("{{len .}}", "6"),
    ('{{len "é"}}', "2"),
    ("{{index .path 1}}", "97"),
    ("{{slice .path 1 3}}", "a/"),
    ("{{slice .path 1}}", "a/b"),
    ("{{not .x}}", "false"),
    ("{{not .empty}}", "true"),
    ('{{eq .x "a" "X"}}', "true"),
    ('{{ne .x "X"}}', "false"),
    ('{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 3 2}} {{lt "a" "b"}}', "true true false true true"),
    ("a  {{- .x -}}  b", "aXb"),
    ("a\n{{- /* c */ -}}\nb", "ab"),
    ("{{/* c */}}z", "z"),
    ("{{- .x}}", "X"),
    ("a {{-3}} b", "a -3 b"),
    ("{{3 -}} b", "3b"),
    ('{{"a\\tb"}}', "a\tb"),
    ('{{`a"b`}}', 'a"b'),
    ("{{'a'}}", "97"),
    (
        "{{1.5}} {{1e3}} {{0x10}} {{1_000}} {{-3}} {{1e21}} {{1e20}} {{0.1}} {{1.0}} {{100000.5}}",
        "1.5 1000 16 1000 -3 1e+21 1e+20 0.1 1 100000.5",
    ),
    ("{{true}} {{false}}", "true false"),
    ('{{print 1 2 "a" 3 true}}', "1 2a3 true"),
    ('{{println "a" 1}}', "a 1\n"),
    ('{{html "<a href=\'x\'>&\\""}}', "&lt;a href=&#39;x&#39;&gt;&amp;&#34;"),
    ('{{urlquery "a b&c"}}', "a+b%26c"),
    ('{{(index . "x")}}', "X"),
    ('{{(printf "%s" .x) | len}}', "1"),
    ('{{define "t"}}[{{.}}]{{end}}{{template "t" .x}}', "[X]"),
    ('{{block "b" .x}}<{{.}}>{{end}}', "<X>"),
    ('{{`a`}}{{"}}"}}', "a}}"),
    ("{{ .x\n }}", "X"),
    ("{{.é}}", "u"),
    ("{{range .}}{{.}},{{else}}none{{end}}", ",5,/a/b,now,X,u,"),
    ("{{(.x)}}", "X"),
    ("{{. }}", "map[empty: n:5 path:/a/b start-time:now x:X é:u]"),
    ("{{ len (slice .path 0 2) }}", "2"),
    ('{{or .empty 0 ""}}', ""),
    ("{{and 1 2 0 3}}", "0"),
    ("{{printf .x}}", "X"),
    ("}} {{.x}}", "}} X"),
    ("{{.x}}}}", "X}}"),
    ("{{$}}", "map[empty: n:5 path:/a/b start-time:now x:X é:u]"),
    ("{{$x := 1}}{{range $i := 2}}{{$x = $i}}{{end}}{{$x}}", "1"),
    ("{{1 | print 2}}", "2 1"),
    ('{{"a" | or ""}}', "a"),
    ('{{print (len .x) "b"}}', "1b"),
    ('{{index "abc" 0 | printf "%c"}}', "a"),
    ('{{printf "%c" 97}}', "a"),
    ('{{printf "%6.2f|" 3.14159}}', "  3.14|"),
    ('{{printf "%g" 0.5}}', "0.5"),
    ('{{printf "%05.1f" 2.25}}', "002.2"),
    ('{{printf "%x" "hi"}}', "6869"),
    ('{{printf "%X" 255}}', "FF"),
    ('{{printf "%o" 8}}', "10"),
    ('{{printf "%b" 5}}', "101"),
    ('{{printf "%-8q|" .x}}', '"X"     |'),
    ("{{1e6}} {{1e-7}} {{123456789.0}}", "1e+06 1e-07 1.23456789e+08"),
    ("{{print 1.0}}", "1"),
    ("{{eq nil nil}}", "true"),
    ('{{.x}} {{- "b" -}} {{.n}}', "Xb5"),
    ("{{with $q := .x}}{{$q}}{{end}}", "X"),
    ('{{not (eq .x "X")}}', "false"),
    ('{{template "t" .x}}{{define "t"}}{{$}}{{end}}', "X"),
    ("{{true | not}}", "false"),
    ("{{'\\n'}} {{'é'}}", "10 233"),
    ('{{"\\u00e9\\x41\\101"}}', "éAA"),
    ("{{0b11}} {{0o17}} {{017}}", "3 15 15"),
    ('{{printf "% d|%.2d|%10.3d|%#x" 5 5 5 255}}', " 5|05|       005|0xff"),
    ('{{printf "%.f|%6.f|" 2.5 2.5}}', "2|     2|"),
    ('{{printf "%g %.3g %+.1f" 123456789.0 123456789.0 2.5}}', "1.23456789e+08 1.23e+08 +2.5"),
    ("{{print nil}}", "<nil>"),
]


@pytest.mark.parametrize(("template", "text"), GIVEN)
def test_a_template_gives_what_go_gives(template: str, text: str) -> None:
    assert render(template, VARIABLES) == text


REFUSED = [
    "{{.missing}}",
    "{{range .x}}a{{end}}",
    "{{$y}}",
    "{{eq 1 1.0}}",
    "{{lt .n 3}}",
    "{{eq .n 5}}",
    "{{nil}}",
    "{{foo}}",
    '{{.x "y"}}',
    '{{template "none"}}',
    "{{end}}",
    "{{if .x}}",
    "{{if}}a{{end}}",
    "{{}}",
    "{{.x.y}}",
    '{{"a" "b"}}',
    '{{.x | "a"}}',
    '{{"a\nb"}}',
    "{{eq .x}}",
    "{{len 3}}",
    "{{index . 1}}",
    "{{index .path 99}}",
    "{{range $i, $c := 2}}{{$i}}{{end}}",
    "{{break}}",
    "{{.start-time}}",
    "{{ $x, $y := .x }}",
    "{{if $z := .x}}{{$z}}{{end}}{{$z}}",
    "{{| .x}}",
    "{{or}}",
    "{{not}}",
    "{{ .x",
    "{{ /* a }}",
    "{{/* a */ .x}}",
    "{{{.x}}}",
    "{{call .x}}",
    "{{else}}",
    "{{if .x}}a{{else}}b{{else}}c{{end}}",
    "{{range $x := .}}{{end}}{{$x}}",
    '{{define "a"}}x',
    "{{nil | print}}",
    "{{range $i, $v := (slice .path 1)}}{{end}}",
    "{{len nil}}",
    "{{1e400}}",
    "{{9223372036854775808}}",
    "{{slice .path 2 1}}",
    "{{slice .path 0 1 2}}",
]


@pytest.mark.parametrize("template", REFUSED)
def test_what_go_refuses_is_refused_with_its_place(template: str) -> None:
    with pytest.raises(TemplateError) as raised:
        render(template, VARIABLES)
    assert raised.value.mark is not None


@pytest.mark.parametrize(
    "template",
    ['{{printf "%s"}}', '{{printf "a" 1}}', '{{printf "%d" .n}}', '{{printf "%s" 5}}', "{{.x | }}"],
)
def test_what_go_prints_as_an_error_in_the_text_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, VARIABLES)


def test_a_variable_that_is_not_given_is_named_with_its_line() -> None:
    with pytest.raises(TemplateError) as raised:
        render("a\nb: {{.x}}\n  c: {{ .query }}\n", VARIABLES)
    error = raised.value
    assert (error.missing, error.mark) == ("query", (3, 9))


def test_a_template_that_calls_itself_without_end_is_refused() -> None:
    with pytest.raises(TemplateError, match="too often"):
        render('{{define "t"}}{{template "t" .}}{{end}}{{template "t" .}}', VARIABLES)


_TWICE = '{{{{template "t{0}"}}}}' * 2
_DOUBLING = (
    "".join(f'{{{{define "t{n}"}}}}{_TWICE.format(n + 1)}{{{{end}}}}' for n in range(60))
    + '{{define "t60"}}x{{end}}{{template "t0"}}'
)


@pytest.mark.parametrize(
    "template",
    [
        "{{range 1000000000000000000}}{{end}}",
        "{{range 100000}}{{range 100000}}xxxxxxxxxx{{end}}{{end}}",
        '{{printf "%999999999d" 1}}',
        '{{printf "%.99999999999999999999f" 1.5}}',
        '{{$a := "x"}}{{range 60}}{{$a = print $a $a}}{{end}}{{len $a}}',
        '{{$a := "x"}}{{range 60}}{{$a = printf "%s%s" $a $a}}{{end}}{{len $a}}',
        _DOUBLING,
        f"{{{{{'(' * 5000}1{')' * 5000}}}}}",
        "{{if true}}" * 3000 + "{{end}}" * 3000,
        "{{if false}}" + "{{else if false}}" * 3000 + "{{end}}",
    ],
)
def test_a_template_that_never_ends_or_takes_all_memory_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, VARIABLES)


def test_a_large_template_is_not_a_long_one() -> None:
    assert render("x: {{.x}}\n" * 5000, VARIABLES) == "x: X\n" * 5000
