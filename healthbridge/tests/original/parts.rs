use super::*;

#[tokio::test]
async fn the_parts_and_their_page() {
    let stack = Stack::start();
    get_health(&stack).await;
    get_gateway_page(&stack).await;
}

async fn get(url: String) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// `GET /health`: `/healthz`, `/readyz`, `/metrics`
async fn get_health(stack: &Stack) {
    for part in 0..5 {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(stack.url(part) + path).await.0, 200, "{path} of part {part}");
        }
    }
    // Of the router, and of all others.
    for port in [1001, 1002] {
        let (status, metrics) = get(format!("http://127.0.0.1:{}/metrics", stack.ports.base + port)).await;
        assert_eq!((status, metrics.contains("# TYPE ")), (200, true));
    }
}

/// `GET /`: the front page
async fn get_gateway_page(stack: &Stack) {
    let (status, page) = get(stack.url(0)).await;
    assert_eq!(status, 200);
    for link in ["/graphiql", "/schema.graphql"] {
        assert!(page.contains(link), "the page leads to {link}");
    }
}
