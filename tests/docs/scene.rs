//! The house that the pages of `docs/` speak of: a stack `web` with the stages `qa` and `prod` on real hosts.

use crate::house::House;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;

const WEB: &str = r#"
title = "Web"
source = SOURCE
[hosts]
qa = ["qa1.example.com"]
prod = ["web[1-2].example.com"]
[lists]
roll-out = [{ release = "/srv/web" }, { activate = "/srv/web" }]
[[stage]]
name = "qa"
hosts = "qa"
commands = "roll-out"
[[stage]]
name = "prod"
hosts = "prod"
commands = ["@roll-out", { confirm = "Graphs calm?" }]
"#;

/// Raises it, over the demo's repository.
pub async fn house() -> House {
    house_over(|shop| format!("{{ git = {:?}, branch = \"main\" }}", shop.dir())).await
}

/// Raises it over another source, which may be of the demo's repository.
pub async fn house_over(source: impl Fn(&Shop) -> String) -> House {
    house_with(source, "").await
}

/// The same with more lines of the last stage.
pub async fn house_with(source: impl Fn(&Shop) -> String, of_prod: &str) -> House {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let hosts = ["qa1.example.com", "web1.example.com", "web2.example.com"];
    let fleet = Fleet::start(&dir.path().join("fleet"), &hosts).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let stack = format!("{}{of_prod}", WEB.replace("SOURCE", &source(&shop)));
    House::raise(dir, fleet, shop, &stack, "", None).await
}
