"use strict";
// Everything that a run says reaches the page as text (textContent), never as markup.

const at = (text) => document.getElementById(text);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const number = (value, digits = 3) =>
  typeof value === "number" ? value.toFixed(digits) : "-";
const signed = (value) =>
  typeof value === "number" ? (value > 0 ? "+" : "") + value.toFixed(3) : "-";
const counted = (value) => (typeof value === "number" ? value.toLocaleString("en") : "-");
const text = (value) => element("p", { class: "text" }, String(value || "-"));
const read = (id) => JSON.parse(at(id).textContent);

// Words that stay, go and come between two texts: the longest common subsequence of words.
const MOST_CELLS = 4e6;

function wordDiff(before, after) {
  const [a, b] = [before, after].map((whole) => whole.match(/\s+|[^\s]+/g) || []);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start
    && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  const parts = [["same", a.slice(0, start).join("")]];
  if (left.length * right.length > MOST_CELLS) {
    parts.push(["gone", left.join("")], ["new", right.join("")]);
  } else {
    parts.push(...commonWords(left, right));
  }
  parts.push(["same", end ? a.slice(a.length - end).join("") : ""]);
  return parts.filter(([, words]) => words);
}

function commonWords(a, b) {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j]
        ? lengths[(i + 1) * width + j + 1] + 1
        : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const parts = [];
  const add = (kind, word) => {
    const last = parts[parts.length - 1];
    if (last && last[0] === kind) last[1] += word;
    else parts.push([kind, word]);
  };
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) { add("same", a[i]); i++; j++; }
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) add("gone", a[i++]);
    else add("new", b[j++]);
  }
  while (i < a.length) add("gone", a[i++]);
  while (j < b.length) add("new", b[j++]);
  return parts;
}

// Where most of both texts differs, one is easier to read after the other.
function mostlyKept(parts) {
  const count = (which) => parts.filter(which).flatMap(([, words]) => words.match(/\S+/g) || []).length;
  return 2 * count(([kind]) => kind === "same") >= count(([kind]) => kind !== "same");
}

function diffView(parts) {
  const shown = element("p", { class: "text" });
  for (const [kind, words] of parts) {
    shown.append(kind === "same" ? words : element(kind === "gone" ? "del" : "ins", {}, words));
  }
  return shown;
}

// One run: what was asked, every round with its candidates, how the answer came about.
function runView(run, level = 3) {
  const heading = (words) => element("h" + level, {}, words);
  const view = element("div", { class: "run" });
  const best = run.pool[run.chosen];
  const first = run.pool
    .map((one, index) => [one, index])
    .filter(([one]) => one.round === 0 && typeof one.reward === "number")
    .sort(([a], [b]) => b.reward - a.reward)[0];
  view.append(heading("Answer"), facts([
    ["reward", number(run.reward)],
    ["gained over the best first sample", first ? signed(run.reward - first[0].reward) : "-"],
    ["ended by", run.stop_reason],
    ["tokens", tokens(run.usage)],
    ["seconds", number(run.seconds, 1)],
  ]));
  const changed = first && best && first[1] !== run.chosen ? wordDiff(first[0].text, best.text) : null;
  if (changed && mostlyKept(changed)) {
    view.append(element("p", { class: "note" },
      "Against the best first sample: ", element("del", {}, "what went"), ", ",
      element("ins", {}, "what came"), "."), diffView(changed));
  } else if (changed) {
    view.append(element("p", { class: "note" }, "Most of the best first sample has gone. It was:"),
      text(first[0].text), element("p", { class: "note" }, "The answer:"), text(run.answer));
  } else {
    view.append(element("p", { class: "note" }, "A first sample, as it was drawn."), text(run.answer));
  }
  if (run.failure) view.append(element("p", { class: "down" },
    `A later step failed (${run.failure.step}): ${run.failure.type}: ${run.failure.message}`));
  const last = Math.max(0, ...run.pool.map((one) => one.round));
  for (let number_ = 0; number_ <= last || number_ <= run.rounds.length; number_++) {
    view.append(roundView(run, number_));
  }
  if (run.drops && run.drops.length) {
    view.append(element("details", {}, element("summary", {}, `${run.drops.length} draws that could not be used`),
      element("ul", {}, ...run.drops.map((drop) =>
        element("li", {}, `${drop.step}, round ${drop.round}: ${drop.reason} ${drop.detail || ""}`)))));
  }
  return view;
}

function roundView(run, which) {
  const round = run.rounds[which - 1];
  const drawn = run.pool.map((one, index) => [one, index]).filter(([one]) => one.round === which);
  const rewards = drawn.map(([one]) => one.reward).filter((one) => typeof one === "number");
  const title = which === 0 ? "First samples" : `Round ${which}`;
  const range = rewards.length
    ? `rewards ${number(Math.min(...rewards))} to ${number(Math.max(...rewards))}` : "nothing scored";
  const body = element("details", { class: "round" },
    element("summary", {}, `${title}: ${drawn.length} candidates, ${range}`));
  body.addEventListener("toggle", () => {
    if (!body.open || body.dataset.drawn) return;
    body.dataset.drawn = "yes";
    if (round) {
      body.append(element("div", { class: "sides" },
        labelled(`Chosen, reward ${number((run.pool[round.chosen] || {}).reward)}`, "chosen",
          (run.pool[round.chosen] || {}).text),
        labelled(`Rejected, reward ${number((run.pool[round.rejected] || {}).reward)}`, "rejected",
          (run.pool[round.rejected] || {}).text)));
      body.append(element("div", { class: "sides" },
        labelled("Textual loss", "", round.textual_loss),
        labelled("Textual gradient", "", round.textual_gradient)));
    }
    body.append(element("ol", { class: "candidates" },
      ...drawn.map(([one, index]) => candidateView(run, one, index))));
  });
  return body;
}

function candidateView(run, one, index) {
  const praised = run.rounds.map((round, at_) => (round.chosen === index ? at_ + 1 : 0)).filter(Boolean);
  const blamed = run.rounds.map((round, at_) => (round.rejected === index ? at_ + 1 : 0)).filter(Boolean);
  const marks = [];
  if (index === run.chosen) marks.push(element("span", { class: "mark answer" }, "the answer"));
  if (praised.length) marks.push(element("span", { class: "mark chosen" }, `chosen in round ${praised.join(", ")}`));
  if (blamed.length) marks.push(element("span", { class: "mark rejected" }, `rejected in round ${blamed.join(", ")}`));
  if (one.draft) marks.push(element("span", { class: "mark" }, "a draft"));
  return element("li", {},
    element("p", { class: "label" }, `reward ${number(one.reward)} `, ...marks), text(one.text),
    one.rationale ? element("p", { class: "note" }, `The reward's words: ${one.rationale}`) : null);
}

const labelled = (label, kind, words) =>
  element("div", { class: kind }, element("p", { class: "label" }, label), text(words));
const facts = (pairs) => element("dl", { class: "figures" },
  ...pairs.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
const tokens = (usage) => (usage && typeof usage.output_tokens === "number"
  ? `${counted(usage.input_tokens)} in, ${counted(usage.output_tokens)} out` : "-");

function questionView(messages) {
  return element("div", { class: "question" }, ...messages.map((message) =>
    element("div", {}, element("p", { class: "label" }, message.role), text(message.text))));
}

// One example of a report: each turn, the subject's run, what the others answered.
function exampleView(example) {
  const view = element("div", { class: "example" });
  example.turns.forEach((turn, place) => {
    if (example.turns.length > 1) view.append(element("h3", {}, `Turn ${place + 1}`));
    view.append(questionView(turn.question));
    for (const run of turn.runs) {
      const own = element("details", { open: run.subject },
        element("summary", {}, `${run.system}: reward ${number(run.reward)}`));
      const draw = () => {
        if (own.dataset.drawn) return;
        own.dataset.drawn = "yes";
        own.append(run.pool ? runView(run, example.turns.length > 1 ? 4 : 3) : text(run.answer));
      };
      if (run.subject) draw();
      own.addEventListener("toggle", draw);
      view.append(own);
    }
  });
  for (const said of example.judged) {
    view.append(element("p", { class: "note" }, said));
  }
  return view;
}

// The list of all examples: filtered and sorted by numbers, drawn a page at a time.
const PAGE = 100;

function exampleList(index) {
  const state = { sort: "gain", down: true, shown: PAGE };
  const list = at("example-rows");
  const rows = () => {
    const [words, kind, stop, sign] = ["find", "kind", "stop", "sign"].map((one) => at("filter-" + one).value);
    const kept = index.examples.filter((one) =>
      (!words || (one.id + " " + one.begins).toLowerCase().includes(words.toLowerCase()))
      && (!kind || one.kind === kind) && (!stop || one.stop === stop)
      && (!sign || (sign === "up" ? one.gain > 0 : sign === "down" ? one.gain < 0 : one.gain === 0)));
    const value = (one) => one[state.sort];
    const order = (a, b) => (typeof a === "number" && typeof b === "number"
      ? a - b : String(a ?? "").localeCompare(String(b ?? "")));
    kept.sort((a, b) => (value(a) === null) - (value(b) === null)
      || (state.down ? -1 : 1) * order(value(a), value(b)));
    return kept;
  };
  const draw = () => {
    const kept = rows();
    list.replaceChildren(...kept.slice(0, state.shown).map(exampleRow));
    at("example-count").textContent = `${kept.length} of ${index.examples.length} examples`;
    at("example-more").hidden = kept.length <= state.shown;
  };
  for (const one of document.querySelectorAll("#filters input, #filters select")) {
    one.addEventListener("input", () => { state.shown = PAGE; draw(); });
  }
  for (const one of document.querySelectorAll("#example-table th button")) {
    one.addEventListener("click", () => {
      state.down = state.sort === one.dataset.by ? !state.down : one.dataset.by !== "id";
      state.sort = one.dataset.by;
      marked(one.closest("tr"), one.closest("th"), state.down);
      draw();
    });
  }
  const asked = /^#example:(\d+)$/.exec(location.hash);
  at("example-more").addEventListener("click", () => { state.shown += PAGE; draw(); });
  fill(at("filter-kind"), index.examples.map((one) => one.kind));
  fill(at("filter-stop"), index.examples.map((one) => one.stop));
  draw();
  if (asked) openExample(index, Number(asked[1]));
  for (const link of document.querySelectorAll('a[href^="#example:"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      openExample(index, Number(link.hash.slice("#example:".length)));
    });
  }
}

// A page's address may name an example: report.html#example:7 opens it.
function openExample(index, place) {
  const one = index.examples.find((example) => example.place === place);
  if (!one) return;
  const known = at("example-rows").querySelector(`button[data-place="${place}"]`);
  const row = known ? known.closest("tr") : exampleRow(one);
  if (!known) at("example-rows").prepend(row);  // it stands behind what is shown so far
  const button = row.querySelector("button");
  if (button.getAttribute("aria-expanded") !== "true") button.click();
  button.focus();
}

function fill(select, values) {
  const known = [...new Set(values)].filter(Boolean).sort();
  select.append(...known.map((value) => element("option", { value }, value)));
  select.closest("label").hidden = known.length < 2;
}

function exampleRow(one) {
  const button = element("button", { type: "button", "aria-expanded": "false", "data-place": one.place }, one.id);
  const cell = (value, kind) => element("td", { class: kind }, value);
  const row = element("tr", {}, element("td", {}, button),
    cell(signed(one.gain), "figure " + (one.gain > 0 ? "up" : one.gain < 0 ? "down" : "")),
    cell(number(one.reward), "figure"), cell(counted(one.length), "figure"),
    cell(one.kind || "-", "wide"), cell(one.stop || "-", "wide"), cell(one.begins, "long wide"));
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) { row.nextSibling.remove(); return; }
    const held = at("example-" + one.place);
    const body = held ? exampleView(JSON.parse(held.textContent))
      : element("p", { class: "note" }, "Its texts are in the records; this page has room for the first only.");
    row.after(element("tr", { class: "open" }, element("td", { colspan: "7" }, body)));
    history.replaceState(null, "", `#example:${one.place}`);
  });
  return row;
}

function marked(row, head, down) {
  for (const one of row.cells) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
}

// Tables of figures: a click on a column's name sorts by it.
function sortable(table) {
  const figure = (cell) => parseFloat(cell.textContent.replace(/[,%\s]/g, ""));
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [a.cells[column], b.cells[column]];
        const [m, n] = [figure(x), figure(y)];
        if (Number.isNaN(m) && Number.isNaN(n)) return x.textContent.localeCompare(y.textContent) * (down ? -1 : 1);
        if (Number.isNaN(m) || Number.isNaN(n)) return Number.isNaN(m) ? 1 : -1;
        return (m - n) * (down ? -1 : 1);
      });
      table.tBodies[0].append(...rows);
      marked(table.tHead.rows[0], head, down);
    });
  });
}

for (const table of document.querySelectorAll("table.sortable")) sortable(table);
if (at("examples-index")) exampleList(read("examples-index"));
if (at("run-data")) {
  const { question, run } = read("run-data");
  if (question.length) at("run").append(questionView(question));
  at("run").append(runView(run, 2));
  for (const one of at("run").querySelectorAll("details.round")) one.open = true;
}
