// How a mouse or a key chooses rows. Pure.

/** How a row is chosen: alone, in addition, or everything up to it. */
export type Gesture = 'one' | 'toggle' | 'range';

/** The gesture that a mouse or key event asks for. */
export function gestureOf(event: MouseEvent | KeyboardEvent): Gesture {
	if (event.shiftKey) return 'range';
	return event.ctrlKey || event.metaKey ? 'toggle' : 'one';
}
