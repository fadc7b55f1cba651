/**
 * The boundary rule: arrows point one way (runtime/README.md).
 *
 * Connectors import `runtime/component.ts` and files of their own folder; the
 * runtime imports no connector.
 *
 * @module
 */

const root = new URL("../", import.meta.url).pathname;

/** Why `from` (a path in the repository) must not import `to`. */
function objection(from: string, to: string): string | undefined {
  const [area, system] = from.split("/");
  if (area === "runtime" && to.startsWith("connectors/")) {
    return "The runtime knows no connector; pass the registry in";
  }
  const isConnector = area === "connectors" && from.split("/").length > 2;
  if (!isConnector || to.startsWith(`connectors/${system}/`)) return undefined;
  if (to === "runtime/component.ts") return undefined;
  return to.startsWith("connectors/")
    ? "A connector imports no other connector"
    : "A connector imports runtime/component.ts and nothing else of ours";
}

function pathOf(specifier: string, filename: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const { pathname } = new URL(specifier, `file://${filename}`);
  return pathname.startsWith(root) ? pathname.slice(root.length) : undefined;
}

const rule: Deno.lint.Rule = {
  create(context) {
    const check = (source: Deno.lint.Node | null | undefined) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") {
        return;
      }
      const from = context.filename.slice(root.length);
      const to = pathOf(source.value, context.filename);
      const message = to && objection(from, to);
      if (message) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: ({ source }) => check(source),
      ExportNamedDeclaration: ({ source }) => check(source),
      ExportAllDeclaration: ({ source }) => check(source),
      ImportExpression: ({ source }) => check(source),
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "boundaries",
  rules: { imports: rule },
};

// The linter loads a plugin by its default export.
export default plugin;
