/* Links to what the page shows: the fragment, compressed if that makes it shorter, and copied to the clipboard. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const FORMAT = "deflate-raw";
  const MOST_BYTES = 500000;  // of an unpacked link; a few bytes can be packed so that they unpack to gigabytes

  async function pipe(bytes, transform) {
    const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
    const chunks = [];
    for (let size = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
      size += value.length;
      if (size > MOST_BYTES) {
        reader.cancel().catch(() => {});
        throw new RangeError("the link is too long");
      }
      chunks.push(value);
    }
  }

  const toBase64Url = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const fromBase64Url = (text) => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

  const pack = async (text) => toBase64Url(
    await pipe(new TextEncoder().encode(text), new CompressionStream(FORMAT)));
  const unpack = async (packed) => new TextDecoder("utf-8", { fatal: true }).decode(
    await pipe(fromBase64Url(packed), new DecompressionStream(FORMAT)));

  /* A fragment, packed if that is shorter and the browser can. */
  async function shortest(address) {
    if (!window.CompressionStream) return address;
    const packed = `packed=${await pack(address)}`;
    return packed.length < address.length ? packed : address;
  }

  Object.assign(explorer, {
    /* A link to what the page shows, with the fingerprint of the model's weights. */
    async linkToView() {
      const parts = new URLSearchParams(explorer.currentAddress());
      const { fingerprint } = explorer.prompt();
      if (fingerprint) parts.set("fingerprint", fingerprint);
      return `${location.origin}${location.pathname}#${await shortest(String(parts))}`;
    },

    /* Replace a packed fragment in the location by what it says; an empty one replaces what cannot be read. Gives
       whether it could be read. */
    async unpackLocation() {
      const { hash } = location;
      const parts = new URLSearchParams(hash.slice(1));
      if (!parts.has("packed")) return true;
      let unpacked = null;
      try {
        unpacked = new URLSearchParams(await unpack(parts.get("packed")));
        parts.delete("packed");
        for (const [name, value] of parts) unpacked.set(name, value);
      } catch { /* damaged, or the browser is too old */ }
      if (location.hash === hash) window.history.replaceState(window.history.state, "", `#${unpacked ?? ""}`);
      return unpacked !== null;
    },
  });
})();
