//! Compiling C against the header and the library, as an embedder would.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, fs};

pub(crate) const CRATE: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

/// Whether the library was built with AddressSanitizer, as `make test-c-sanitize` does: C is
/// compiled with it too, and with UndefinedBehaviorSanitizer.
pub(crate) fn sanitized() -> bool {
    env::var_os("EFSB_SANITIZE").is_some_and(|value| value == "1")
}

/// What every compilation of C takes.
pub(crate) fn compiler_flags() -> &'static [&'static str] {
    if sanitized() {
        &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    } else {
        &["-g"]
    }
}

/// Header, libraries and pkg-config file, laid out as under an installation's prefix.
pub(crate) fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prefix");
        let _absent = fs::remove_dir_all(&prefix);
        succeed(&mut install(&prefix, None));
        prefix
    })
}

/// `make install-c` of what was built for this test.
pub(crate) fn install(prefix: &Path, staging: Option<&Path>) -> Command {
    let built = env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut command = Command::new("make");
    command.args(["-s", "-C"]).arg(Path::new(CRATE).join("..")).arg("install-c");
    command.arg(format!("FROM={}", built.display()));
    command.arg(format!("PREFIX={}", prefix.display()));
    command.arg(format!("DESTDIR={}", staging.unwrap_or(Path::new("")).display()));
    command
}

/// Runs `command` and panics with its output when it fails.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        output.stdout.escape_ascii(),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Whether `program` can be run; says so when a test has to do without. Where
/// `EFSBACKUP_REQUIRE_TOOLS=1` that is a failure.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        let strict = env::var_os("EFSBACKUP_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!strict, "{program} is not installed");
        eprintln!("skipped: {program} is not installed");
    }
    found
}

pub(crate) fn include() -> String {
    format!("-I{}", prefix().join("include").display())
}

/// Compiles `source` against the shared library, as the program `name`.
pub(crate) fn compile_source(source: &Path, name: &str) -> PathBuf {
    let program = prefix().join(name);
    let library = prefix().join("lib");
    succeed(
        Command::new("cc")
            .args(["-std=c11", &include()])
            .args(compiler_flags())
            .arg("-o")
            .arg(&program)
            .args(STRICT)
            .arg(source)
            .args(["-pthread", "-lefsbackup"])
            .arg(format!("-L{}", library.display()))
            .arg(format!("-Wl,-rpath,{}", library.display())),
    );
    program
}
