//! Starts a real server for tests. It ends with the process that started it, even after a crash.

#![allow(dead_code, reason = "each test needs a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server. The script that started it waits at its standard input, and stops it by its id when that is
/// closed.
pub struct Server {
    _script: Child,
    pub port: u16,
    /// The certificate of its own authority; nothing where none could be made.
    pub certificate: Option<String>,
}

impl Server {
    /// Runs a script that says `ready`, and the path of its certificate, once the server answers at the port that it is given. Nothing where
    /// it cannot be had.
    pub fn start(name: &str, script: &str) -> Option<Server> {
        let mut said = String::new();
        // Somebody else may take a port first. Those below the range of outgoing connections are quiet.
        for nth in 0..5 {
            let port = 15_000 + (u16::try_from(std::process::id() % 1_500).unwrap() * 10 + nth);
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                continue;
            }
            let mut child = Command::new("sh")
                .args(["-c", script, "sh", &port.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            said.clear();
            let mut out = BufReader::new(child.stdout.take()?);
            out.read_line(&mut said).ok()?;
            if let Some(path) = said.trim().strip_prefix("ready") {
                let path = path.trim();
                return Some(Server {
                    _script: child,
                    port,
                    certificate: (!path.is_empty()).then(|| path.to_owned()),
                });
            }
        }
        // Not by a macro: those are shown for tests that fail alone.
        let told = format!("skipped: there is no {name} here: {}\n", said.trim());
        std::io::stderr().write_all(told.as_bytes()).ok()?;
        None
    }
}

/// Stands between us and a server, and can lose an answer.
pub struct Proxy {
    pub port: u16,
    lost: Arc<Mutex<Option<&'static str>>>,
}

impl Proxy {
    pub fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = Arc::new(Mutex::new(None));
        let proxy = Proxy {
            port,
            lost: lost.clone(),
        };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, lost) = (client.unwrap(), lost.clone());
                let mut server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let mut answers = server.try_clone().unwrap();
                let mut back = client.try_clone().unwrap();
                std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
                std::thread::spawn(move || forward(&mut client, &mut server, &lost));
            }
        });
        proxy
    }

    /// The next statement that holds this reaches the server, and nothing comes back.
    pub fn lose_the_answer_to(&self, statement: &'static str) {
        *self.lost.lock().unwrap() = Some(statement);
    }
}

fn forward(client: &mut TcpStream, server: &mut TcpStream, lost: &Mutex<Option<&'static str>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let sent = &buffer[..read];
        let mut lost = lost.lock().unwrap();
        let is_lost = lost.is_some_and(|s| sent.windows(s.len()).any(|w| w == s.as_bytes()));
        if is_lost {
            *lost = None;
            let _ = client.shutdown(Shutdown::Both);
        }
        if server.write_all(sent).is_err() {
            break;
        }
        if is_lost {
            // It carries the statement out.
            std::thread::sleep(Duration::from_millis(300));
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

/// In a script: a folder that belongs to whoever runs the server, and a certificate in it where one can be made. The
/// arguments of the server for it follow, and `fi`.
macro_rules! folder {
    ($name:literal) => {
        concat!(
            "dir=$(mktemp -d /tmp/livelist-",
            $name,
            "-XXXXXX)\n",
            r#"as=""
if [ "$(id -u)" = 0 ]; then
    chown nobody "$dir"
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
fi
cd "$dir"
tls=""
if openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
    -keyout key.pem -out certificate.pem 2> /dev/null; then
    chmod 600 key.pem
    [ -z "$as" ] || chown nobody key.pem
"#
        )
    };
}

/// Starts PostgreSQL in a folder of its own, with other defaults than Livelist wants.
pub const POSTGRES: &str = concat!(
    r#"
for program in initdb postgres; do
    command -v $program > /dev/null || { echo "no $program"; exit 1; }
done
"#,
    folder!("postgres"),
    r#"    tls="-c ssl=on -c ssl_cert_file=$dir/certificate.pem -c ssl_key_file=$dir/key.pem"
fi
$as initdb -D "$dir/data" -U root -A trust --no-sync -E UTF8 --locale=C > /dev/null 2>&1 || { echo "initdb fails"; exit 1; }
echo "host all site 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust" > "$dir/data/pg_hba.conf"
$as postgres -D "$dir/data" -k "$dir" -p "$1" -c listen_addresses=127.0.0.1 -c fsync=off $tls \
    -c timezone=Asia/Kolkata -c datestyle='SQL, DMY' -c standard_conforming_strings=off \
    -c default_transaction_isolation=serializable -c default_transaction_read_only=off \
    -c default_transaction_deferrable=on -c lock_timeout=1 -c bytea_output=escape > "$dir/log" 2>&1 &
pid=$!
for attempt in $(seq 300); do
    kill -0 $pid 2> /dev/null || { echo "it ends: $(tail -1 "$dir/log")"; rm -rf "$dir"; exit 1; }
    pg_isready -q -t 1 -h "$dir" -p "$1" && break
    sleep 0.1
done
echo "ready ${tls:+$dir/certificate.pem}"
exec > /dev/null
cat > /dev/null
kill -INT $pid
wait $pid
rm -rf "$dir"
"#
);

/// Starts MariaDB in a folder of its own, with other defaults than Livelist wants.
pub const MARIADB: &str = concat!(
    r#"
PATH=$PATH:/usr/sbin
for program in mariadbd mariadb-install-db mariadb; do
    command -v $program > /dev/null || { echo "no $program"; exit 1; }
done
"#,
    folder!("mariadb"),
    r#"    tls="--ssl-cert=$dir/certificate.pem --ssl-key=$dir/key.pem"
fi
# Of its own: a server that starts removes the temporary tables that it finds, those of others too.
$as mkdir "$dir/tmp"
$as mariadb-install-db --no-defaults --tmpdir="$dir/tmp" --datadir="$dir/data" --auth-root-authentication-method=normal --skip-test-db > "$dir/install.log" 2>&1 || { echo "mariadb-install-db fails"; rm -rf "$dir"; exit 1; }
$as mariadbd --no-defaults --tmpdir="$dir/tmp" --datadir="$dir/data" --socket="$dir/socket" --pid-file="$dir/pid" \
    --port="$1" --bind-address=127.0.0.1 --skip-name-resolve $tls \
    --default-time-zone=+05:30 --character-set-server=latin1 --sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES \
    --default-storage-engine=MyISAM --transaction-isolation=READ-UNCOMMITTED --max-allowed-packet=4M \
    --innodb-flush-log-at-trx-commit=0 > "$dir/log" 2>&1 &
pid=$!
for attempt in $(seq 300); do
    kill -0 $pid 2> /dev/null || { echo "it ends: $(tail -1 "$dir/log")"; rm -rf "$dir"; exit 1; }
    mariadb --no-defaults --socket="$dir/socket" -u root -e "SELECT 1" > /dev/null 2>&1 && break
    sleep 0.1
done
echo "ready ${tls:+$dir/certificate.pem}"
exec > /dev/null
cat > /dev/null
kill -TERM $pid
wait $pid
rm -rf "$dir"
"#
);
