// The picture of each verb, the same in rows, menus and bars. Cancel and remove never look alike.

import ListStart from '@lucide/svelte/icons/list-start';
import ListX from '@lucide/svelte/icons/list-x';
import Pause from '@lucide/svelte/icons/pause';
import Play from '@lucide/svelte/icons/play';
import Rotate from '@lucide/svelte/icons/rotate-cw';
import X from '@lucide/svelte/icons/x';
import type { Verb } from '../standing';

/** The picture of each verb. */
export const VERB_ICONS: Record<Verb, typeof X> = { pause: Pause, resume: Play, retry: Rotate, next: ListStart, cancel: X, remove: ListX };
