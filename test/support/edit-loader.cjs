// A webpack loader that changes a source file on its way into a bundle: `options.search` becomes `options.replace`.
module.exports = function edit(source) {
  const { search, replace } = this.getOptions();
  if (!source.includes(search)) throw new Error(`${this.resourcePath} does not contain ${search}`);
  return source.replace(search, replace);
};
