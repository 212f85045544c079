"""WebAssembly modules for tests, made of a few acts, as text that wasmtime reads."""

from collections.abc import Sequence

_WASI = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
"""
# 0: an iovec, 8: a count, 12: a descriptor, 1024: what was read; texts from 65536 on.
_HELPERS = """
  (func $write (param $fd i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))
    (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 71)))))
  (func $open (param $folder i32) (param $at i32) (param $size i32) (param $how i32)
    (param $rights i64) (result i32)
    (if (call $path_open (local.get $folder) (i32.const 1) (local.get $at) (local.get $size)
      (local.get $how) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 12))
      (then (return (i32.const -1))))
    (i32.load (i32.const 12)))
  (func $cat (param $fd i32)
    (loop $more
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 32768))
      (drop (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (call $write (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)))
        (br $more)))))
"""
ROOT, REPORTS, FIRST_PLACE = 3, 4, 5
"""The descriptors of the directories that a module finds open."""


class Acts:
    """The body of a module, act by act."""

    def __init__(self) -> None:
        self._texts = b""
        self._code: list[str] = []

    def say(self, text: str, *, fd: int = 1, times: int = 1) -> "Acts":
        write = f"(call $write (i32.const {fd}) {self._text(text)})"
        return self._add(_repeated(write, times))

    def put(self, path: str, text: str, *, folder: int = ROOT, times: int = 1) -> "Acts":
        """Write a file anew; "no" into the log where that is not allowed."""
        fd = f"(call $open (i32.const {folder}) {self._text(path)} (i32.const 9) (i64.const 64))"
        write = f"(call $write (local.get $fd) {self._text(text)})"
        denied = f"(call $write (i32.const 1) {self._text('no')})"
        return self._add(
            f"(local.set $fd {fd})(if (i32.lt_s (local.get $fd) (i32.const 0)) (then {denied})"
            f" (else {_repeated(write, times)}))"
        )

    def result(self, text: str, times: int = 1) -> "Acts":
        return self.put("stdout", text, folder=REPORTS, times=times)

    def cat(self, path: str, *, folder: int = ROOT) -> "Acts":
        """A file into the log; exit code 66 where there is none."""
        fd = f"(call $open (i32.const {folder}) {self._text(path)} (i32.const 0) (i64.const 2))"
        missing = "(if (i32.lt_s (local.get $fd) (i32.const 0)) (then (call $exit (i32.const 66))))"
        return self._add(f"(local.set $fd {fd}){missing}(call $cat (local.get $fd))")

    def show(self, what: str) -> "Acts":
        """`args` or `environ` into the log, each ended by NUL."""
        sizes = f"(drop (call ${what}_sizes_get (i32.const 8) (i32.const 12)))"
        get = f"(drop (call ${what}_get (i32.const 1024) (i32.const 32768)))"
        return self._add(
            f"{sizes}{get}(call $write (i32.const 1) (i32.const 32768) (i32.load (i32.const 12)))"
        )

    def grow(self, pages: int) -> "Acts":
        """By pages of 64 KB; exit code 12 where that is denied."""
        denied = f"(i32.eq (memory.grow (i32.const {pages})) (i32.const -1))"
        return self._add(f"(if {denied} (then (call $exit (i32.const 12))))")

    def spin(self) -> "Acts":
        return self._add("(loop $ever (br $ever))")

    def trap(self) -> "Acts":
        return self._add("unreachable")

    def exit(self, code: int) -> "Acts":
        return self._add(f"(call $exit (i32.const {code}))")

    def call(self, name: str) -> "Acts":
        return self._add(f"(call ${name})")

    def module(self, *, function: str = "_start", imports: Sequence[str] = ()) -> str:
        """`imports` are `module.function`s without parameters, called by the function's name."""
        imported = "".join(
            f'(import "{each.partition(".")[0]}" "{each.partition(".")[2]}" '
            f"(func ${each.partition('.')[2]}))"
            for each in imports
        )
        data = "".join(f"\\{byte:02x}" for byte in self._texts)
        return (
            f'(module {_WASI}{imported}(memory (export "memory") 3){_HELPERS}'
            f'(data (i32.const 65536) "{data}")'
            f'(func (export "{function}") (local $fd i32) (local $n i32) {" ".join(self._code)}))'
        )

    def _add(self, code: str) -> "Acts":
        self._code.append(code)
        return self

    def _text(self, text: str) -> str:
        at, data = 65536 + len(self._texts), text.encode()
        self._texts += data
        return f"(i32.const {at}) (i32.const {len(data)})"


def _repeated(code: str, times: int) -> str:
    if times == 1:
        return code
    return (
        f"(local.set $n (i32.const {times}))(loop $again {code}"
        "(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
