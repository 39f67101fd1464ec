//! Watches as rows for spreadsheets, none of which is a formula.

use viewlog::adapters::table::Table;
use viewlog::events::Media;
use viewlog::projections::{TitleInfo, Watch};

use crate::support::{at, id, session};

fn watch(name: &str) -> Watch {
    Watch {
        title: TitleInfo {
            title: id("netflix:harbour"),
            name: Some(name.into()),
            series: Some("Ferry, the".into()),
            season: Some(1),
            episode: None,
            media: Some(Media::Episode),
        },
        sessions: vec![session(1), session(2)],
        device: Some(id("Kitchen TV")),
        source: None,
        started_at: at(0),
        last_at: at(60),
        played_ms: 60_000,
        position_ms: 90_000,
        duration_ms: None,
        finished: false,
        autoplay: true,
    }
}

fn table(watches: &[Watch]) -> String {
    let mut table = Table::new(Vec::new()).expect("a table");
    for watch in watches {
        table.row(&id("anna"), watch).expect("a row");
    }
    String::from_utf8(table.finish().expect("a file")).expect("a text")
}

#[test]
fn a_watch_is_a_row_under_the_names_of_its_columns() {
    let expected = format!(
        "profile,title,name,series,season,episode,device,source,started_at,last_at,played_ms,\
         position_ms,duration_ms,finished,autoplay,sessions\n\
         anna,netflix:harbour,\"The \"\"Harbour\"\"\",\"Ferry, the\",1,,Kitchen TV,,\
         2026-11-23T05:00:00.000Z,2026-11-23T05:01:00.000Z,60000,90000,,false,true,{} {}\n",
        session(1),
        session(2)
    );
    assert_eq!(table(&[watch("The \"Harbour\"")]), expected);
    assert_eq!(table(&[]).lines().count(), 1);
}

#[test]
fn no_cell_begins_a_formula() {
    for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
        let written = table(&[watch(name)]);
        let mut rows = csv::Reader::from_reader(written.as_bytes());
        let row = rows.records().next().expect("a row").expect("CSV");
        assert_eq!(row.get(2), Some(format!("'{name}").as_str()));
    }
    let harmless = table(&[watch("1+1 = 2")]);
    assert!(harmless.contains(",1+1 = 2,"), "{harmless}");
}
