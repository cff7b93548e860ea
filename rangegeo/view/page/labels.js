/* Labels: places of several classes, set by clicks, and the map that is learned from them at once. */
"use strict";

function labelling({ map, source, about, show, say, fail }) {
  const element = (name) => document.getElementById(name);
  const state = { classes: ["class A", "class B"], chosen: 0, points: [], layer: null, learned: null };
  const marks = L.layerGroup().addTo(map);
  const colour = (index) => about.classes[index % about.classes.length];

  function draw() {
    const list = element("classes");
    list.replaceChildren(...state.classes.map((name, index) => {
      const line = document.createElement("label"), radio = document.createElement("input");
      Object.assign(radio, { type: "radio", name: "class", checked: index === state.chosen });
      radio.addEventListener("change", () => { state.chosen = index; });
      const dot = document.createElement("i"), text = document.createElement("span"), count = document.createElement("small");
      dot.style.background = colour(index);
      text.textContent = name;
      count.textContent = state.points.filter((point) => point.label === name).length;
      line.append(radio, dot, text, count);
      return line;
    }));
    marks.clearLayers();
    for (const point of state.points) {
      const fillColor = colour(state.classes.indexOf(point.label));
      L.circleMarker([point.lat, point.lon], { radius: 6, color: "#fff", weight: 2, fillColor, fillOpacity: 1 })
        .bindTooltip(point.label).addTo(marks);
    }
    element("export").disabled = element("clear").disabled = element("undo").disabled = !state.points.length;
  }

  async function learn() {
    const points = state.points.slice();
    if (new Set(points.map((point) => point.label)).size < 2) {
      if (state.layer) { state.layer.remove(); state.layer = state.learned = null; }
      element("learned").textContent = points.length ? "Set a label of another class to see the map." : "";
      return;
    }
    say("Learning from the labels …", true);
    try {
      const learned = await source.learn(points);
      if (points.length !== state.points.length) return;
      const fresh = L.tileLayer(`labels/${learned.name}/{z}/{x}/{y}.png`, { maxZoom: about.most_zoom, zIndex: 3 });
      tellOf(fresh, `The map of ${learned.labels.length} classes is drawn.`);
      fresh.on("tileerror", () => fail(new Error("A tile of the map of labels did not arrive. Set a label again.")));
      fresh.addTo(map);
      if (state.layer) state.layer.remove();
      state.layer = fresh;
      state.learned = learned;
      element("learned").textContent = `A linear probe of ${points.length} labels; the stronger the colour, the surer. It is not tested: rangegeo map does that.`;
    } catch (error) { fail(error); }
  }

  function add(lon, lat) {
    state.points.push({ lon, lat, label: state.classes[state.chosen] });
    draw();
    say(`${state.classes[state.chosen]} set at ${show(lon, lat)}.`);
    learn();
  }

  element("add-class").addEventListener("click", () => {
    const name = element("new-class").value.trim();
    if (!name || state.classes.includes(name)) return fail(new Error("Type a name that no class has yet."));
    if (state.classes.length >= about.classes.length) return fail(new Error(`There are at most ${about.classes.length} classes.`));
    const unused = state.classes.findIndex((other) => /^class [AB]$/.test(other) && !state.points.some((point) => point.label === other));
    if (unused >= 0) state.classes[unused] = name; else state.classes.push(name);
    state.chosen = state.classes.indexOf(name);
    element("new-class").value = "";
    draw();
  });
  element("new-class").addEventListener("keydown", (event) => { if (event.key === "Enter") element("add-class").click(); });
  element("undo").addEventListener("click", () => { state.points.pop(); draw(); learn(); });
  element("clear").addEventListener("click", () => { state.points = []; draw(); learn(); });
  element("export").addEventListener("click", () => {
    const features = state.points.map((point) => ({
      type: "Feature",
      properties: { label: point.label },
      geometry: { type: "Point", coordinates: [+point.lon.toFixed(6), +point.lat.toFixed(6)] },
    }));
    save(new Blob([JSON.stringify({ type: "FeatureCollection", features })], { type: "application/geo+json" }), "labels.geojson");
    say("labels.geojson is saved.");
  });
  draw();
  return { add, state };
}
