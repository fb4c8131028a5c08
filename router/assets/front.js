// Shows how the parts of the graph are, every five seconds while somebody looks.
const list = document.getElementById("parts");

function row({ name, status, version, latencyMs }) {
  const item = document.createElement("li");
  item.className = status;
  const words = [
    ["name", name],
    ["state", status === "ok" ? "up" : status],
    ["detail", [version && `v${version}`, latencyMs !== undefined && latencyMs !== null && `${latencyMs} ms`].filter(Boolean).join(" · ")],
  ];
  for (const [style, text] of words) {
    const span = document.createElement("span");
    span.className = style;
    span.textContent = text;
    item.append(span);
  }
  return item;
}

async function refresh() {
  if (document.hidden) return;
  let rows;
  const begun = performance.now();
  try {
    const { status, version, parts } = await (await fetch("/readyz")).json();
    rows = [{ name: "router", status, version, latencyMs: Math.round(performance.now() - begun) }, ...parts];
  } catch {
    rows = [{ name: "router", status: "unavailable" }];
  }
  list.replaceChildren(...rows.map(row));
}

refresh();
setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
