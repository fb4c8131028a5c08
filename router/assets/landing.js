// Shows which parts of the graph answer, every five seconds.
async function refresh() {
  const table = document.getElementById("health");
  let parts;
  try {
    const answer = await (await fetch("/readyz")).json();
    parts = { router: answer.status, ...answer.subgraphs };
  } catch {
    parts = { router: "unavailable" };
  }
  table.replaceChildren(
    ...Object.entries(parts).map(([name, state]) => {
      const row = document.createElement("tr");
      for (const [text, style] of [[name, ""], [state, state]]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        cell.className = style;
        row.append(cell);
      }
      return row;
    }),
  );
}
refresh();
setInterval(refresh, 5000);
