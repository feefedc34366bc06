import t from 'tap';
import { checkFamily } from '#test/support/check-family.js';

checkFamily(t, 'mpnet');
