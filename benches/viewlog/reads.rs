//! Reads through HTTP: accounts with a year of history, asked in turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::facts::Player;
use crate::load::{Load, Signal, Waiter, measure};
use crate::network::{Http, Server, no_token};

const ACCOUNTS: usize = 200;
const PLAYS: usize = 200;
/// Enough, a second apart, to claim the resume point.
const FACTS: usize = 14;
const CLIENTS: usize = 32;

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Server::start();
        fill(&server, PLAYS, &no_token).await;
        let questions = [
            ("resume point", "/v1/accounts/{}/profiles/anna/resume/title-7"),
            ("continue watching, 20", "/v1/accounts/{}/profiles/anna/continue-watching?limit=20"),
            ("history, 50", "/v1/accounts/{}/profiles/anna/history?limit=50"),
            ("title", "/v1/accounts/{}/profiles/anna/titles/title-7"),
            ("now", "/v1/accounts/{}/now"),
        ];
        for (what, path) in questions {
            ask(&server, (path, CLIENTS), &no_token)
                .await
                .print(&format!("GET {what}, {CLIENTS} connections"));
        }
    });
}

/// Accounts with so many plays each.
pub(crate) async fn fill(server: &Server, plays: usize, line: &dyn Fn(&str) -> String) {
    let mut http = Http::connect(&server.address).await;
    http.authorization = line("*");
    for account in 0..ACCOUNTS {
        let mut body = String::new();
        for play in 0..plays {
            let mut player = Player::new(account * plays + play);
            for fact in 0..FACTS {
                let title = format!("title-{}", play % 60);
                let mut line = player.next_json().replace("tt0944947:s1e3", &title);
                if fact + 1 == FACTS {
                    line = line.replace("progressed", "stopped");
                }
                body.push_str(&line.replace(player.account.as_str(), &format!("reader-{account}")));
                body.push('\n');
            }
        }
        assert_eq!(http.post("/v1/events", "application/x-ndjson", &body).await, 200);
    }
}

/// Asks for each of those accounts until the views answer, which the first who asks has filled.
pub(crate) async fn reach_views(server: &Server, path: &str) {
    let mut http = Http::connect(&server.address).await;
    for account in 0..ACCOUNTS {
        let path = path_of(path, account);
        for tried in 0.. {
            assert!(tried < 600, "no views of reader-{account}");
            assert_eq!(http.get(&path).await, 200);
            if String::from_utf8_lossy(&http.body).contains("\"source\":\"views\"") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A path in which an account's name takes the place of `{}`.
fn path_of(path: &str, account: usize) -> String {
    path.replace("{}", &format!("reader-{account}"))
}

/// Asks those accounts in turn; `line` makes the line with the token of an account.
pub(crate) async fn ask(
    server: &Server,
    (path, clients): (&'static str, usize),
    line: &dyn Fn(&str) -> String,
) -> Load {
    let lines: Arc<[String]> =
        (0..ACCOUNTS).map(|account| line(&format!("reader-{account}"))).collect();
    let asker = |client: usize, address: String, signal: &Signal| {
        let (mut waiter, lines) = (Waiter::new(signal), Arc::clone(&lines));
        async move {
            let mut http = Http::connect(&address).await;
            for account in (0..ACCOUNTS).cycle().skip(client * ACCOUNTS / clients) {
                let path = path_of(path, account);
                http.authorization.clone_from(&lines[account]);
                let sent = Instant::now();
                match http.get(&path).await {
                    200 => waiter.acknowledged(1, sent),
                    _ => waiter.failed(),
                }
                if !waiter.goes_on() {
                    break;
                }
            }
            waiter.histogram()
        }
    };
    measure(|signal| {
        (0..clients).map(|client| asker(client, server.address.clone(), signal)).collect()
    })
    .await
}
