// Every message between the page and the kernel, the twin of protocol.py: a test holds the two together.
//
// Requests carry an id, and the view that sends them. Acts are requests that change something: they also say what their
// reviewer saw, are answered with `saved` or `refused`, and are sent again until they are. An answer carries the id of
// what it answers; `to` names the view that asked, where the others need not hear it.

// ---- what is shown

export interface Decision {
  action: string;
  label: string | null;
  reviewer: string | null;
  mine: boolean;
}

export interface Cell {
  name: string;
  given: string | null;
  suggestion: string | null;
  probability: number | null;
  sure: boolean;
  loss: number | null;
  decision: Decision | null;
  notes: string[];
  facts: string[][];
  group: string | null;
  advice: string;
  remarks: string[];
  likely: string[];
}

export interface Group {
  id: string;
  title: string;
  marks: string[];
  settled: string;
  ready: boolean;
}

export interface Proposal {
  action: string;
  label: string | null;
}

export interface Page {
  id: string;
  cells: Cell[];
  classes: string[];
  digits: string[];
  separator: string;
  title: string;
  summary: string;
  notice: string;
  empty: string;
  focus: string | null;
  can_go_back: boolean;
  can_go_on: boolean;
  offer: string;
  same: Proposal | null;
  purpose: string;
  groups: Group[];
}

export interface Example {
  name: string;
  confirmed: boolean;
}

export interface Side {
  label: string;
  text: string;
  pictures: Example[];
}

export interface Witness {
  name: string;
  label: string;
  same: boolean;
  copy: boolean;
}

export interface FileWindow {
  name: string;
  center: number;
  width: number;
}

export interface Levels {
  kind: string;
  unit: string;
  low: number;
  high: number;
  center: number;
  width: number;
  inverted: boolean;
  windows: FileWindow[];
}

export interface Key {
  keys: string[];
  printed: string[];
  chosen: boolean;
}

// ---- from the page to the kernel

export interface Seen {
  page: string;
  suggestions: Record<string, string | null>;
}

export interface ChosenWindow {
  kind: string;
  center: number;
  width: number;
}

export interface Ping {
  kind: "ping";
  id: string;
  view: string;
}

export interface Hello {
  kind: "hello";
  id: string;
  view: string;
}

export interface Turn {
  kind: "turn";
  id: string;
  view: string;
  by: number;
}

export interface Similar {
  kind: "similar";
  id: string;
  view: string;
}

export interface Next {
  kind: "next";
  id: string;
  view: string;
  page: string;
}

export interface Thumbs {
  kind: "thumbs";
  id: string;
  view: string;
  names: string[];
}

export interface Image {
  kind: "image";
  id: string;
  view: string;
  name: string;
  full: boolean;
  window: ChosenWindow | null;
}

export interface Compare {
  kind: "compare";
  id: string;
  view: string;
  name: string;
  labels: string[];
}

export interface Why {
  kind: "why";
  id: string;
  view: string;
  name: string;
}

export interface Heat {
  kind: "heat";
  id: string;
  view: string;
  name: string;
  label: string;
}

export interface Decide {
  kind: "decide";
  id: string;
  view: string;
  seen: Seen;
  names: string[];
  action: string;
  label: string | null;
  new_class: boolean;
}

export interface Confirm {
  kind: "confirm";
  id: string;
  view: string;
  seen: Seen;
  names: string[];
}

export interface GiveKey {
  kind: "givekey";
  id: string;
  view: string;
  act: string;
  key: string;
}

export interface ResetKeys {
  kind: "resetkeys";
  id: string;
  view: string;
}

export interface Redo {
  kind: "redo";
  id: string;
  view: string;
  seen: Seen;
}

export interface Undo {
  kind: "undo";
  id: string;
  view: string;
  seen: Seen;
}

export interface Describe {
  kind: "describe";
  id: string;
  view: string;
  seen: Seen;
  label: string;
  text: string;
}

export type Request = Ping | Hello | Turn | Similar | Next | Thumbs | Image | Compare | Why | Heat | GiveKey | ResetKeys | Decide | Confirm | Undo | Redo | Describe;

// ---- from the kernel to the page

export interface PongMessage {
  id?: string;
  to?: string;
  kind: "pong";
}

export interface PageMessage {
  id?: string;
  to?: string;
  kind: "page";
  page: Page;
}

export interface NextMessage {
  id?: string;
  to?: string;
  kind: "next";
  page: string;
  names: string[];
}

export interface ThumbsMessage {
  id?: string;
  to?: string;
  kind: "thumbs";
  names: string[];
  problems: string[];
  last: boolean;
}

export interface ImageMessage {
  id?: string;
  to?: string;
  kind: "image";
  name: string;
  full: boolean;
  problem: string;
  type: string;
  width: number;
  height: number;
  frames: number;
  levels: Levels | null;
}

export interface CompareMessage {
  id?: string;
  to?: string;
  kind: "compare";
  name: string;
  sides: Side[];
  problem: string;
  late: boolean;
}

export interface WhyMessage {
  id?: string;
  to?: string;
  kind: "why";
  name: string;
  text: string;
  witnesses: Witness[];
}

export interface HeatMessage {
  id?: string;
  to?: string;
  kind: "heat";
  name: string;
  label: string;
  side: number;
  text: string;
  problem: string;
}

export interface KeysMessage {
  id?: string;
  to?: string;
  kind: "keys";
  said: string;
  refused: boolean;
}

export interface SavedMessage {
  id?: string;
  to?: string;
  kind: "saved";
  cells: Cell[];
  summary: string;
  said: string;
  focus: string | null;
  page: Page | null;
}

export interface RefusedMessage {
  id?: string;
  to?: string;
  kind: "refused";
  reason: string;
  cells: Cell[];
  page: Page | null;
}

export interface CellsMessage {
  id?: string;
  to?: string;
  kind: "cells";
  cells: Cell[];
  summary: string;
}

export interface SayMessage {
  id?: string;
  to?: string;
  kind: "say";
  text: string;
}

export interface OfferMessage {
  id?: string;
  to?: string;
  kind: "offer";
  text: string;
}

export interface DescribedMessage {
  id?: string;
  to?: string;
  kind: "described";
}

export interface FocusMessage {
  id?: string;
  to?: string;
  kind: "focus";
}

export type Message =
  | PongMessage
  | PageMessage
  | NextMessage
  | ThumbsMessage
  | ImageMessage
  | CompareMessage
  | WhyMessage
  | HeatMessage
  | KeysMessage
  | SavedMessage
  | RefusedMessage
  | CellsMessage
  | SayMessage
  | OfferMessage
  | DescribedMessage
  | FocusMessage;

// ---- what the scripts make of them

/** A request before the link gives it an id. */
type WithoutHead<R> = R extends Request ? Omit<R, "id" | "view"> : never;
export type Unsent = WithoutHead<Request>;

/** A request that was sent, and when. */
export interface Asked {
  message: Request;
  sent_ms: number;
}

/** What anywidget passes: traits, and messages. */
export interface Model {
  get(name: "mode" | "problem" | "dismissed"): string;
  get(name: "words"): Record<string, string>;
  get(name: "key_table"): Record<string, Key>;
  set(name: "dismissed", value: string): void;
  save_changes(): void;
  send(message: Request): void;
  on(event: string, listener: (...values: any[]) => void): void;
  off(event: string, listener: (...values: any[]) => void): void;
}
