// What the template of a schedule asks for, without secrets and files, which stay as they were
// submitted.
import { api, data } from "../api/client";
import { type Input, inputsOf } from "../templates/inputs";
import { type Loaded, useLoad } from "../ui/load";

export function useTemplateInputs(tag: string): Loaded<Input[]> {
  const [name = "", version = "latest"] = tag.split("@");
  return useLoad(`template ${name} ${version} of a schedule`, async (signal) => {
    const params = { path: { name, version } };
    const found = await data(api.GET("/templates/{name}/versions/{version}", { params, signal }));
    return inputsOf(found.inputSchema).filter(({ kind }) => kind !== "secret" && kind !== "file");
  });
}
