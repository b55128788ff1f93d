// A scripted day on the bench page: what time it is in it, how far it is, and what happened last.
import { sentence } from "./faults.js";

const LINES = 12;
const section = document.getElementById("story");
let shown = "";

function act(words, note) {
  const text = words[`note_${note.what}`];
  if (text) return `${note.target} ${text}`.trim();
  if (note.what.startsWith("fault_")) return sentence(words, { kind: note.what.slice(6), target: note.target, shows: "" });
  return `${note.what} ${note.target}`;
}

export function showStory(words, lang, story) {
  section.hidden = !story;
  if (!story) return;
  const name = lang === "en" ? story.name_en : story.name_zh;
  document.getElementById("story-name").textContent = name;
  const days = story.days ? `${Math.min(story.day, story.days)}/${story.days}` : `${story.day}`;
  document.getElementById("story-time").textContent = `${words.day.replace("{n}", days)} · ${story.time_of_day}`;
  const bar = document.getElementById("story-done");
  bar.hidden = story.done === null;
  if (story.done !== null) bar.value = story.done;
  const now = JSON.stringify(story.notes);
  if (now === shown) return;
  shown = now;
  document.getElementById("story-notes").replaceChildren(...story.notes.slice(0, LINES).map((note) => {
    const item = document.createElement("li");
    item.textContent = `${note.time_of_day}  ${act(words, note)}`;
    return item;
  }));
}
