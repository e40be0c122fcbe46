//! C and C++ programs compiled against the header and the library, as an embedder would, and
//! run: plainly, under valgrind where it is installed (not together with the sanitizers), and
//! through pkg-config.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

#[path = "common/build.rs"]
mod build;

use build::{
    CRATE, STRICT, compile_source, compiler_flags, include, install, installed, prefix, sanitized,
    succeed,
};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles tests/NAME.c against the shared library.
fn compile(name: &str) -> PathBuf {
    compile_source(&Path::new(CRATE).join("tests").join(name).with_extension("c"), name)
}

/// Runs `program`, plainly and, where it is installed, under valgrind; each time with the
/// arguments that `arguments` gives anew.
fn run<A: AsRef<OsStr>>(program: &Path, mut arguments: impl FnMut(bool) -> A) {
    succeed(Command::new(program).arg(arguments(false)));
    if !sanitized() && installed("valgrind") {
        succeed(valgrind(program).arg(arguments(true)));
    }
}

/// `program` under valgrind: 99 is its exit status where memory is used wrongly, or lost.
fn valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full"])
        // "Possible" would count std's handle of the main thread, which lives on.
        .args(["--errors-for-leak-kinds=definite", "--fair-sched=yes"])
        .arg(program);
    command
}

/// Runs `program` with a new empty folder each time.
fn run_in_folders(program: &Path) {
    let mut folders = Vec::new();
    run(program, |_| {
        folders.push(tempfile::tempdir().unwrap());
        folders.last().unwrap().path().to_owned()
    });
}

#[test]
fn the_edges_hold() {
    // AddressSanitizer keeps freed memory for a while, which looks as if it grew.
    let plainly = if sanitized() { "99999" } else { "1000000" };
    run(&compile("edges"), |valgrind| if valgrind { "1000" } else { plainly });
}

#[test]
fn wrong_use_of_memory_is_found() {
    let program = compile("misuse");
    let found = |mut command: Command, misuse: &str, words: [&str; 2]| {
        let output = command.arg(misuse).output().unwrap();
        let said = output.stderr.escape_ascii().to_string();
        assert!(!output.status.success(), "{misuse}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{misuse}: {said}");
    };
    // Where it happens inside the library, the function is named.
    if sanitized() {
        found(Command::new(&program), "freed", ["heap-use-after-free", "efsb_is_cancelled"]);
        found(Command::new(&program), "lost", ["detected memory leaks", "efsb_cancel_token_new"]);
        found(Command::new(&program), "overflow", ["misuse.c", "signed integer overflow"]);
    } else if installed("valgrind") {
        found(valgrind(&program), "freed", ["Invalid read", "efsb_is_cancelled"]);
        found(valgrind(&program), "lost", ["definitely lost", "efsb_cancel_token_new"]);
    }
}

#[test]
fn trees_are_mirrored() {
    run_in_folders(&compile("mirror"));
}

#[test]
fn snapshots_are_taken_listed_and_restored() {
    run_in_folders(&compile("snapshots"));
}

#[test]
fn definitions_are_read_checked_resolved_converted_compared_drawn_and_played() {
    run_in_folders(&compile("definitions"));
}

#[test]
fn pipelines_are_planned_applied_controlled_and_run() {
    run_in_folders(&compile("service"));
}

#[test]
fn the_example_of_deploying_runs_when_compiled_through_pkg_config() {
    if !installed("pkg-config") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let example = compile_example("deploy", folder.path());
    let file = folder.path().join("pipeline.json");
    let text = r#"{"objects": [{"id": "Default", "scheduleType": "ondemand"}, {"id": "Work",
        "type": "ShellCommandActivity", "workerGroup": "here", "command": "date #{myWord}"}],
        "parameters": [{"id": "myWord", "type": "String"}]}"#;
    fs::write(&file, text).unwrap();
    let mut command = Command::new(&example);
    command.arg(folder.path().join("state.db")).arg("nightly").arg(&file).arg("myWord=a");
    command.env("LD_LIBRARY_PATH", prefix().join("lib"));
    let output = succeed(&mut command);
    let (told, status) = (output.stderr.escape_ascii(), output.stdout.escape_ascii().to_string());
    assert!(told.to_string().ends_with("apply: activate it\\n"), "{status}");
    assert!(status.contains("SCHEDULED"), "{status}");
    assert!(succeed(&mut command).stderr.is_empty(), "a second plan has something to do");
}

#[test]
fn threads_and_signal_handlers_are_the_programs_own() {
    run_in_folders(&compile("signals"));
}

#[test]
fn the_static_library_links_too() {
    let program = prefix().join("edges-static");
    succeed(
        Command::new("cc")
            .args(["-std=c11", &include()])
            .args(compiler_flags())
            .arg("-o")
            .arg(&program)
            .arg(Path::new(CRATE).join("tests/edges.c"))
            .arg(prefix().join("lib/libefsbackup.a"))
            .args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]),
    );
    succeed(&mut Command::new(program));
}

/// Alone, twice, with every warning, as `language` of `standard`.
fn header_compiles(compiler: &str, language: &str, standard: &str) {
    let source = prefix().join(format!("header.{language}"));
    let text = "#include <efsbackup.h>\n#include <efsbackup.h>\n\
                efsb_mirror_options mirror = EFSB_MIRROR_OPTIONS_INIT;\n\
                efsb_backup_options backup = EFSB_BACKUP_OPTIONS_INIT;\n\
                efsb_mount_options mount = EFSB_MOUNT_OPTIONS_INIT;\n\
                efsb_read_options reading = EFSB_READ_OPTIONS_INIT;\n\
                efsb_resolve_options resolving = EFSB_RESOLVE_OPTIONS_INIT;\n\
                efsb_draw_options drawing = EFSB_DRAW_OPTIONS_INIT;\n\
                efsb_simulate_options simulating = EFSB_SIMULATE_OPTIONS_INIT;\n\
                efsb_call_options calling = EFSB_CALL_OPTIONS_INIT;\n\
                efsb_plan_options planning = EFSB_PLAN_OPTIONS_INIT;\n\
                efsb_run_options running = EFSB_RUN_OPTIONS_INIT;\n\
                efsb_aws_options reaching = EFSB_AWS_OPTIONS_INIT;\n";
    fs::write(&source, text).unwrap();
    let object = source.with_extension(format!("{language}.o"));
    succeed(
        Command::new(compiler)
            .args([standard, "-c", &include(), "-o"])
            .arg(object)
            .args(STRICT)
            .arg(source),
    );
}

#[test]
fn the_header_is_clean_c_and_cpp_alone_and_included_twice() {
    header_compiles("cc", "c", "-std=c11");
    if installed("c++") {
        header_compiles("c++", "cpp", "-std=c++11");
    }
}

/// Compiles examples/c/NAME.c into `folder` as its head says, through pkg-config.
fn compile_example(name: &str, folder: &Path) -> PathBuf {
    let flags = succeed(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "efsbackup"])
            .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")),
    );
    let flags = String::from_utf8(flags.stdout).unwrap();
    let example = folder.join(name);
    succeed(
        Command::new("cc")
            .args(["-std=c11", "-o"])
            .arg(&example)
            .args(compiler_flags())
            .args(STRICT)
            .arg(Path::new(CRATE).join("../examples/c").join(name).with_extension("c"))
            .args(flags.split_whitespace()),
    );
    example
}

#[test]
fn the_example_of_mirror_runs_when_compiled_through_pkg_config() {
    if !installed("pkg-config") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let example = compile_example("mirror", folder.path());
    let (source, destination) = (folder.path().join("source"), folder.path().join("copy"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "hello").unwrap();
    let mut command = Command::new(&example);
    command.arg(&source).arg(&destination).env("LD_LIBRARY_PATH", prefix().join("lib"));
    let output = succeed(&mut command);
    assert_eq!(output.stdout, b"complete: 2 entries, 5 bytes copied\n");
    assert_eq!(fs::read(destination.join("file")).unwrap(), b"hello");

    fs::remove_dir_all(&source).unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.ends_with(b"(errno 2)\n"), "{}", output.stderr.escape_ascii());
}

#[test]
fn the_example_of_pipelines_runs_when_compiled_through_pkg_config() {
    if !installed("pkg-config") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let example = compile_example("pipeline", folder.path());
    let file = Path::new(CRATE).join("../tests/vectors/validation/E301.json");
    let mut command = Command::new(&example);
    let output = command
        .arg("validate")
        .arg(file)
        .env("LD_LIBRARY_PATH", prefix().join("lib"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("error E301 A.runsOn: there is no object Bx; did you mean Box?\n"));
    assert!(output.stderr.starts_with(b"invalid-definition: validate: E301 A.runsOn"));
}

const DAILY: &str = r#"{"objects": [
    {"id": "Default", "scheduleType": "cron", "schedule": {"ref": "Daily"}},
    {"id": "Daily", "type": "Schedule", "period": "1 days", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "Work", "type": "ShellCommandActivity", "workerGroup": "here", "command": "true"}
]}"#;

/// What the guides tell C programmers to write, whole programs and bodies of some, each run in a
/// folder of its own that stands for `/mnt`.
#[test]
fn the_programs_of_the_guides_run() {
    let root = Path::new(CRATE).join("..");
    let mut count = 0;
    for guide in ["README.md", "docs/c.md"] {
        let text = fs::read_to_string(root.join(guide)).unwrap();
        for block in text.split("```c\n").skip(1) {
            count += 1;
            let folder = tempfile::tempdir().unwrap();
            let mnt = folder.path().to_str().unwrap();
            fs::create_dir(folder.path().join("source")).unwrap();
            fs::write(folder.path().join("source/file"), "hello").unwrap();
            fs::write(folder.path().join("pipeline.yaml"), DAILY).unwrap();

            let block = block.split("```").next().unwrap();
            let block = block.replace("\"/mnt/", &format!("\"{mnt}/"));
            let (includes, body): (Vec<_>, Vec<_>) =
                block.lines().partition(|line| line.starts_with("#include"));
            let source = folder.path().join("program.c");
            let (includes, body) = (includes.join("\n"), body.join("\n"));
            let program = match block.contains("int main(") {
                true => block,
                false => format!(
                    "#include <stdio.h>\n#include <efsbackup.h>\n{includes}\nint main(void) {{\n{body}\nreturn 0;\n}}\n"
                ),
            };
            fs::write(&source, program).unwrap();
            let program = compile_source(&source, &format!("guide-{count}"));
            let output = succeed(Command::new(program).current_dir(&folder));
            assert!(output.stderr.is_empty(), "{guide}: {}", output.stderr.escape_ascii());
        }
    }
    assert!(count >= 2);
}

#[test]
fn a_package_is_staged_below_another_folder() {
    let staging = tempfile::tempdir().unwrap();
    succeed(&mut install(Path::new("/usr"), Some(staging.path())));
    let usr = staging.path().join("usr");
    for file in ["include/efsbackup.h", "lib/libefsbackup.a", "lib/libefsbackup.so.0"] {
        assert!(usr.join(file).is_file(), "{file}");
    }
    let link = fs::read_link(usr.join("lib/libefsbackup.so")).unwrap();
    assert_eq!(link, Path::new("libefsbackup.so.0"));
    let file = fs::read_to_string(usr.join("lib/pkgconfig/efsbackup.pc")).unwrap();
    assert!(file.starts_with("prefix=/usr\n"), "{file}");
    assert!(file.contains(concat!("\nVersion: ", env!("CARGO_PKG_VERSION"), "\n")), "{file}");
}

#[test]
fn the_shared_library_is_named_for_its_abi() {
    let library = prefix().join("lib/libefsbackup.so");
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(library));
    let dynamic = String::from_utf8(dynamic.stdout).unwrap();
    assert!(dynamic.contains("Library soname: [libefsbackup.so.0]"), "{dynamic}");
}
