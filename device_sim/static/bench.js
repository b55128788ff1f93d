// Live view of the simulated cabinet: asks for /state twice a second while somebody looks.
import { onDevices } from "./devices.js";
import { onFault, showFaults } from "./faults.js";
import { showStory } from "./story.js";

const bench = document.getElementById("bench");
const words = JSON.parse(bench.dataset.words);
const away = document.getElementById("away");
const said = document.getElementById("said");
const faultSaid = document.getElementById("fault-said");
const LOG_LINES = 50;
let version = "";

const seconds = (s) => `${s.toFixed(1)} s`;

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showDoor(door) {
  const place = bench.querySelector(`[data-door="${door.label}"]`);
  const parts = [door.open ? words.open : words.shut];
  if (door.jammed) parts.push(words.jammed);
  if (door.burnt) parts.push(words.burnt);
  if (door.frozen) parts.push(words.frozen);
  if (door.ajar) parts.push(words.ajar);
  if (door.shows_open !== door.open) parts.push(door.shows_open ? words.says_open : words.says_shut);
  place.classList.toggle("open", door.open);
  place.classList.toggle("broken", parts.length > 1);
  setText(place.querySelector("[data-state]"), parts.join(" · "));
}

function showZone(zone) {
  setText(bench.querySelector(`[data-zone="${zone.name}"]`), `${zone.temperature_c.toFixed(1)} °C`);
  const parts = [`${words.goods} ${zone.goods_c.toFixed(1)} °C`];
  if (zone.defrosting) parts.push(words.defrosting);
  else if (zone.watts > 0 || zone.compressor_on) parts.push(zone.compressor_on ? words.compressor_on : words.compressor_off);
  if (zone.watts > 0) parts.push(`${zone.watts.toFixed(0)} W`);
  const place = bench.querySelector(`[data-machine="${zone.name}"]`);
  place.classList.toggle("running", zone.compressor_on);
  place.classList.toggle("defrosting", zone.defrosting);
  setText(place, parts.join(" · "));
}

function showLog(state) {
  const labels = new Map(state.doors.map((d) => [`${d.board}/${d.channel}`, d.label]));
  const causes = { pulse: words.pulsed, pulled: words.pulled, pushed: words.pushed };
  const lines = [
    ...state.pulses.map((p) => [p.at_s, `${labels.get(`${p.board}/${p.channel}`) ?? ""} ${words.pulse} ${p.ms} ms (${words.board} ${p.board}, ${words.channel} ${p.channel})`]),
    ...state.movements.map((m) => [m.at_s, `${m.label} ${causes[m.cause]}`]),
  ].sort((a, b) => b[0] - a[0]);
  const now = `${lines.length}`;
  if (now === version || !lines.length) return;
  version = now;
  const list = document.getElementById("log");
  list.start = lines.length;
  list.replaceChildren(...lines.slice(0, LOG_LINES).map(([at, text]) => {
    const item = document.createElement("li");
    item.textContent = `${seconds(at)}  ${text}`;
    return item;
  }));
}

function show(state) {
  setText(document.getElementById("clock"), `${Math.floor(state.clock_s)} s`);
  setText(document.getElementById("outside"), `${state.outside_c.toFixed(1)} °C`);
  document.getElementById("dark").hidden = state.has_mains;
  state.zones.forEach(showZone);
  state.doors.forEach(showDoor);
  showFaults(words, state.faults);
  showStory(words, bench.dataset.lang, state.scenario);
  showLog(state);
}

async function look() {
  try {
    const answer = await fetch("/state", { signal: AbortSignal.timeout(3000) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
    away.hidden = true;
  } catch {
    away.hidden = false;
  }
}

async function send(path, method, body, where = said) {
  try {
    const answer = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    const told = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) setText(where, told.detail ?? answer.statusText);
    else if (told.moved === false && ["push", "pull"].includes(body?.action)) setText(said, `${told.label}: ${words.refused}`);
    else setText(where, "");
  } catch {
    away.hidden = false;
  }
  await look();
}

bench.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "clear") return send("/faults", "DELETE", undefined, faultSaid);
  if (button.dataset.fault) return send("/faults", "POST", JSON.parse(button.dataset.fault), faultSaid);
  if (button.dataset.lift) return send("/faults/lift", "POST", JSON.parse(button.dataset.lift), faultSaid);
  const label = button.closest("[data-door]")?.dataset.door;
  if (label) send(`/doors/${label}`, "POST", { action: button.dataset.action });
});

onDevices(words);
onFault((fault) => send("/faults", "POST", fault, faultSaid));

async function live() {
  if (!document.hidden) await look();
  setTimeout(live, 500);
}
live();
