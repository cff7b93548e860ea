/* Downloads of what is in view. */
"use strict";

/* Hand a file over to the person. */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
}

function saving({ map, source, say, fail, now }) {
  const element = (name) => document.getElementById(name);
  const what = element("what");

  function box() {
    const bounds = map.getBounds(), west = Math.max(-540, bounds.getWest());
    const sides = [west, Math.max(-90, bounds.getSouth()), Math.min(west + 360, 540, bounds.getEast()), Math.min(90, bounds.getNorth())];
    return sides.map((side) => side.toFixed(5)).join(",");
  }

  function query(format) {
    return `bbox=${box()}&beta=${now().beta}&pca=${what.value === "all" ? 0 : 3}&format=${format}`;
  }

  async function show() {
    const embeds = what.value === "pca" || what.value === "all";
    element("zarr").hidden = element("command-of").hidden = !embeds;
    if (embeds && element("save").open) element("command").value = await source.command(query("cog")).catch((error) => error.message);
  }

  async function fetched(format) {
    const state = now(), kind = what.value, zoom = map.getZoom();
    if (kind === "likeness" && !state.place) throw new Error("Click a place first.");
    if (kind === "labels" && !state.learned) throw new Error("Set labels of two classes first.");
    const drawn = `bbox=${box()}&zoom=${zoom}&beta=${state.beta}`;
    const addresses = {
      colours: `colours.tif?${drawn}&colours=${encodeURIComponent(state.colours)}`,
      likeness: `likeness.tif?${drawn}&lon=${state.place?.lon}&lat=${state.place?.lat}`,
      labels: `labels.tif?${drawn}&name=${state.learned}`,
    };
    say("Making the file …", true);
    const blob = await source.file(addresses[kind] || `embeddings?${query(format)}`);
    const name = addresses[kind] ? `${kind}.tif` : format === "zarr" ? "view.zarr.zip" : "view.tif";
    save(blob, name);
    say(`${name} is saved.`);
  }

  for (const format of ["cog", "zarr"]) element(format).addEventListener("click", () => fetched(format).catch(fail));
  what.addEventListener("change", show);
  element("save").addEventListener("toggle", show);
  map.on("moveend", show);
}
