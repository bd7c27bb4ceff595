/** Files that the page itself makes, for the reader to keep. */

/**
 * Offers a file.
 * @param {string} name @param {BlobPart[]} parts its content @param {string} type its media type
 */
export function download(name, parts, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
