// The frozen engine of the fake trainer has nothing in it; its text is part of the frozen hash.
