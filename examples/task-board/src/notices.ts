import { createEventBus, defineOutbox, type Projection } from "@es/projections";
import { taskEvents } from "./task.ts";

/** Tells people about their tasks. Behind it could be a broker; here it is a bus in this process, and a line of text. */
export function notices(tell: (line: string) => void): Projection {
  const bus = createEventBus(taskEvents);
  bus.on("TaskCreated", ({ data }) => tell(`to ${data.assignee}: "${data.title}" is yours`));
  bus.on("TaskReassigned", ({ data, streamId }) => tell(`to ${data.assignee}: ${streamId} is yours now`));
  return defineOutbox({ name: "notices", categories: ["task"], publish: bus.publisher });
}
