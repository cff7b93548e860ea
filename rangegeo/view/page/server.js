/* What the page asks of the server. Every function gives a promise; an error has a sentence for the person. */
"use strict";

const served = {
  async ask(address, options) {
    let answer;
    try {
      answer = await fetch(address, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (location.protocol === "file:") throw new Error("A browser cannot read this folder from the disk. Serve it: type python -m http.server in it.");
      throw new Error("The server does not answer. Is rangegeo view still running?");
    }
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({ error: "the server refused this" }));
      throw new Error(told.error[0].toUpperCase() + told.error.slice(1) + ".");
    }
    return answer;
  },
  async about() { return (await this.ask("view.json")).json(); },
  async colours(name) { return (await this.ask(`colours.json?colours=${encodeURIComponent(name)}`)).json(); },
  async place(lon, lat, beta) { return (await this.ask(`place.json?lon=${lon}&lat=${lat}&beta=${beta}`)).json(); },
  async numbers(at, colours, signal) {
    const address = `tiles/${at.z}/${at.x}/${at.y}.bin?colours=${encodeURIComponent(colours)}`;
    return new Uint16Array(await (await this.ask(address, { signal })).arrayBuffer());
  },
  async likeness(at, place, signal) {
    const address = `likeness/${at.z}/${at.x}/${at.y}.bin?lon=${place.lon}&lat=${place.lat}&beta=${place.beta}`;
    return new Float32Array(await (await this.ask(address, { signal })).arrayBuffer());
  },
  async learn(points) {
    const headers = { "Content-Type": "application/json" };
    return (await this.ask("labels", { method: "POST", headers, body: JSON.stringify(points) })).json();
  },
  async command(query) { return (await (await this.ask(`command.json?${query}`)).json()).command; },
  async file(address) { return (await this.ask(`download/${address}`)).blob(); },
  async lines(detail) { return new Int16Array(await (await this.ask(`lines/${detail}.bin`)).arrayBuffer()); },
};
