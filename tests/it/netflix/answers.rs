//! Where everything stopped, as Netflix says; in through either door.

use viewlog::events::Record;

use super::{Export, assert_agrees, exports, import};
use crate::site::Site;
use crate::support::home;

/// Records through the account actors; how many were new, and how many were known.
async fn record(site: &Site, records: Vec<Record>) -> (usize, usize) {
    let accounts = site.app.node().system.accounts();
    let (mut recorded, mut known) = (0, 0);
    for some in records.chunks(1_000) {
        let outcome = accounts.import(home(), some.iter().cloned().enumerate().collect()).await;
        assert!(outcome.refused.is_empty(), "{:?}", outcome.refused[0]);
        recorded += outcome.recorded;
        known += outcome.duplicates;
    }
    (recorded, known)
}

#[actix_web::test]
async fn recorded_by_the_actors_titles_stop_where_netflix_says() {
    for export in exports() {
        let site = Site::start().await;
        let records = export.records();
        let (all, distinct) = (records.len(), export.distinct());
        assert_eq!(record(&site, records.clone()).await, (distinct, all - distinct));
        assert_agrees(&site, &export).await;
        assert_eq!(record(&site, records).await, (0, all), "{}, again", export.name);
        assert_agrees(&site, &export).await;
        site.stop().await;
    }
}

#[actix_web::test]
async fn imported_over_http_titles_stop_where_netflix_says() {
    for export in exports() {
        let site = Site::start().await;
        let records = export.records();
        assert_eq!(import(&site, &records).await, export.distinct(), "{}", export.name);
        assert_agrees(&site, &export).await;
        assert_eq!(import(&site, &records).await, 0, "{}, again", export.name);
        let stored = super::answers(&site, &export).await;
        // From the views, and folded anew.
        site.app.node().views.forget(&home()).await.unwrap();
        assert!(super::answers(&site, &export).await == stored, "{}", export.name);
        site.stop().await;
    }
}

#[actix_web::test]
async fn households_with_one_file_do_not_share_it() {
    let site = Site::start().await;
    let export: Export = super::sample();
    import(&site, &export.records()).await;
    let (_, other) = site.get("/v1/accounts/other/profiles").await;
    assert_eq!(other["items"], serde_json::json!([]));
    let (_, home) = site.get("/v1/accounts/home/profiles").await;
    assert_eq!(home["items"].as_array().unwrap().len(), export.titles().len());
    site.stop().await;
}
