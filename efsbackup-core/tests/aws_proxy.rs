//! AWS through a proxy, on loopback: which addresses are asked for, and of whom.

#![cfg(all(feature = "aws", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A port that notes how each connection begins, and answers that it is forbidden.
fn heard() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut begin = vec![0; 4096];
            let length = stream.read(&mut begin).unwrap_or(0);
            begin.truncate(length);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
            if told.send(begin).is_err() {
                return;
            }
        }
    });
    (address, heard)
}

/// Has the command look at pipelines of the service at `service`, until `heard` tells of something;
/// it would try for a minute.
fn look(service: SocketAddr, variables: &[(&str, &str)], heard: &Receiver<Vec<u8>>) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .args(["pipeline", "status", "--aws", "--region", "us-east-1"])
        .args(["--endpoint", &format!("https://{service}")])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = heard.recv_timeout(Duration::from_secs(60));
    command.kill().unwrap();
    assert!(!command.wait().unwrap().success());
    first.unwrap()
}

#[test]
fn requests_go_through_the_proxy_of_the_environment_but_for_what_it_leaves_out() {
    let (proxy, asked) = heard();
    let (service, reached) = heard();
    let named = |proxy: SocketAddr| format!("http://me:pass@{proxy}");
    let url = named(proxy);
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let first = String::from_utf8(look(service, &[(name, &url)], &asked)).unwrap();
        assert!(first.starts_with(&format!("CONNECT {service} HTTP/1.1\r\n")), "{first}");
        // `me:pass` in base64.
        assert!(first.to_ascii_lowercase().contains("proxy-authorization: basic bwu6cgfzcw==\r\n"));
    }
    assert!(reached.try_recv().is_err(), "nobody went past the proxy");

    let (unused, asked) = heard();
    let variables = [("HTTPS_PROXY", named(unused)), ("NO_PROXY", "127.0.0.1".to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    // A greeting of TLS.
    assert_eq!(look(service, &variables, &reached).first(), Some(&22));
    assert!(asked.try_recv().is_err(), "the proxy was asked all the same");
}
