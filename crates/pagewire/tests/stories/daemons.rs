//! Programs of others that stories speak to: a web server and proxies, as Debian has them. Each ends with its test.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A program, where it listens, and what it keeps.
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Daemon {
    async fn start(folder: tempfile::TempDir, address: SocketAddr, mut command: Command) -> Self {
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn().expect("the program is installed: scripts/install-test-deps");
        let daemon = Self { child, address, folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let log = std::fs::read_to_string(daemon.folder.path().join("error.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "it does not come up: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        daemon
    }

    /// An HTTP proxy for `user` with the password `secret`.
    pub(crate) async fn tinyproxy() -> Self {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), free_port());
        let file = folder.path().join("tinyproxy.conf");
        let port = address.port();
        let text =
            format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\nBasicAuth user secret\n");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(file);
        Self::start(folder, address, command).await
    }

    /// A SOCKS5 proxy for `user` with the password `secret`.
    pub(crate) async fn microsocks() -> Self {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), free_port());
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &address.port().to_string(), "-u", "user", "-P", "secret"]);
        Self::start(folder, address, command).await
    }

    /// As a proxy's URL.
    pub(crate) fn url(&self, scheme: &str, credentials: &str) -> String {
        format!("{scheme}://{credentials}@{}", self.address)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// nginx with one server, whose locations a story writes. Its files are those of `site/` in its folder.
pub(crate) struct Nginx(Daemon);

impl Nginx {
    /// Over plain HTTP.
    pub(crate) async fn start(locations: &str) -> Self {
        Self::with(locations, "", tempfile::tempdir().expect("a folder")).await
    }

    /// Over TLS, with HTTP/2.
    pub(crate) async fn over_tls(locations: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        write_pem(&folder.path().join("site.pem"), "CERTIFICATE", made.cert.der());
        write_pem(&folder.path().join("site.key"), "PRIVATE KEY", &made.signing_key.serialize_der());
        let at = folder.path().display();
        let locations =
            format!("ssl_certificate {at}/site.pem; ssl_certificate_key {at}/site.key;\n{locations}");
        Self::with(&locations, " ssl http2", folder).await
    }

    async fn with(locations: &str, listens: &str, folder: tempfile::TempDir) -> Self {
        let (at, address) = (folder.path().display(), free_port());
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
             events {{ worker_connections 2048; }}
             http {{
                 log_format told '$request_method $uri $status $body_bytes_sent';
                 access_log {at}/access.log told; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
                 fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; keepalive_requests 100000;
                 server {{ listen {address}{listens}; root {at}/site; default_type text/html; {locations} }}
             }}"
        );
        std::fs::create_dir(folder.path().join("site")).expect("made");
        std::fs::write(folder.path().join("nginx.conf"), config).expect("written");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        Self(Daemon::start(folder, address, command).await)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// A page at that path, as a file.
    pub(crate) fn write(&self, name: &str, page: &str) {
        std::fs::write(self.0.folder.path().join("site").join(name), page).expect("written");
    }

    pub(crate) fn certificate(&self) -> String {
        self.0.folder.path().join("site.pem").display().to_string()
    }

    /// What it was asked for and said, as `GET /path STATUS BYTES`, once there are so many lines.
    pub(crate) async fn log(&self, lines: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = std::fs::read_to_string(self.0.folder.path().join("access.log")).unwrap_or_default();
            if text.lines().count() >= lines {
                return text.lines().map(str::to_owned).collect();
            }
            assert!(Instant::now() < deadline, "{lines} lines do not come: {text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn write_pem(path: &Path, label: &str, der: &[u8]) {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    std::fs::write(path, pem).expect("written");
}

/// An address of this machine that nobody listens at.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address")
}
