// The engine's types for parts, which may not import the engine.

export type { Drop, Picked } from './backend/backend';
export type * from './backend/bindings';
