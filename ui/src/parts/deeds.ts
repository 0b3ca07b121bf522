// What a row can ask its view for. Types only.

import type { Verb } from '../standing';
import type { Row } from '../types';

/** Where a menu opens: at an element, or at the mouse. */
export type Anchor = HTMLElement | { getBoundingClientRect: () => DOMRect };

/** What a row can ask for. */
export interface RowDeeds {
	verb: (verb: Verb, row: Row) => void;
	enterKey: (row: Row) => void;
	copy: (row: Row) => void;
	open: (row: Row) => void;
	menu: (row: Row, anchor: Anchor) => void;
}
