// A Vite plugin: writes `first.json`, from which the coordinator makes the links in the head.
import type { Plugin, Rolldown } from "vite";
import { FIRST, type First } from "./src/app/first.ts";

type Bundle = Rolldown.OutputBundle;
type Chunk = Rolldown.OutputChunk;

export function firstRequests(base: string): Plugin {
  return {
    name: "first-requests",
    transformIndexHtml: () => [
      {
        tag: "link",
        attrs: { rel: "preload", as: "fetch", crossorigin: "anonymous", href: "/session" },
        injectTo: "head",
      },
    ],
    generateBundle: {
      order: "post", // when it is known which styles a chunk has
      handler(_, bundle) {
        const source = JSON.stringify(
          FIRST.map(({ modules, ...one }) => ({ ...one, ...filesOf(modules, bundle, base) })),
        );
        this.emitFile({ type: "asset", fileName: "first.json", source });
      },
    },
  };
}

/** The scripts and styles of modules, without those of the frame. */
function filesOf(modules: First["modules"], bundle: Bundle, base: string) {
  const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
  const wanted = modules.map((module) => {
    const found = chunks.find((chunk) => chunk.facadeModuleId?.endsWith(module));
    if (!found) throw new Error(`no chunk of the bundle is ${module}`);
    return found;
  });
  const ofFrame = withImports(
    chunks.filter((chunk) => chunk.isEntry),
    chunks,
  );
  const own = [...withImports(wanted, chunks)].filter((chunk) => !ofFrame.has(chunk));
  const styles = own.flatMap((chunk) => [...(chunk.viteMetadata?.importedCss ?? [])]);
  return {
    scripts: own.map((chunk) => base + chunk.fileName),
    styles: [...new Set(styles)].map((name) => base + name),
  };
}

function withImports(from: Chunk[], chunks: Chunk[]): Set<Chunk> {
  const found = new Set(from); // grows while it is gone through
  for (const chunk of found)
    for (const one of chunks) if (chunk.imports.includes(one.fileName)) found.add(one);
  return found;
}
