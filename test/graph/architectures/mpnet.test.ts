import t from 'tap';
import { checkFamily } from '../../support/check-family.js';

checkFamily(t, 'mpnet');
