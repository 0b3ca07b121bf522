import { render } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import TotalsBar from '../../src/parts/TotalsBar.svelte';

const NONE = { all: 0, active: 0, waiting: 0, paused: 0, needs_you: 0, failed: 0, completed: 0, canceled: 0, bytes_left: 0, rate: 0 };

it.each([
	[{}, 'Nothing to upload'],
	[{ completed: 5 }, 'All done'],
	[{ completed: 5, failed: 3 }, '5 done · 3 failed'],
	[{ failed: 3 }, '3 failed'],
	[{ completed: 5, failed: 3, waiting: 2 }, '2 waiting · 3 failed'],
])('the totals of %j read "%s"', (more, text) => {
	const { container } = render(TotalsBar, { totals: { ...NONE, ...more } });
	expect(container.textContent?.trim()).toBe(text);
});
