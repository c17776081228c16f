namespace Skipwise.Evaluation;

/// <summary>Finds how much text fits a length in tokens. Tokens can only be counted, not predicted.</summary>
internal static class LargestFit
{
    /// <summary>The largest size in 0..<paramref name="most"/> that fits, or -1 if 0 does not fit. Doubles its steps from the guess, then
    /// bisects, so a good guess needs few counts.</summary>
    /// <param name="fits">true up to some size, false beyond</param>
    public static int Find(int guess, int most, Func<int, bool> fits)
    {
        int fitting, tooLarge; // fits(fitting), not fits(tooLarge)
        guess = Math.Clamp(guess, 0, most);
        if (fits(guess))
        {
            fitting = guess;
            for (int step = 1; ; step = Math.Min(2 * step, 1 << 29))
            {
                if (fitting == most)
                {
                    return most;
                }
                int next = (int)Math.Min((long)fitting + step, most);
                if (!fits(next))
                {
                    tooLarge = next;
                    break;
                }
                fitting = next;
            }
        }
        else
        {
            tooLarge = guess;
            for (int step = 1; ; step = Math.Min(2 * step, 1 << 29))
            {
                if (tooLarge == 0)
                {
                    return -1;
                }
                int next = Math.Max(tooLarge - step, 0);
                if (fits(next))
                {
                    fitting = next;
                    break;
                }
                tooLarge = next;
            }
        }
        while (tooLarge - fitting > 1)
        {
            int middle = fitting + (tooLarge - fitting) / 2;
            (fitting, tooLarge) = fits(middle) ? (middle, tooLarge) : (fitting, middle);
        }
        return fitting;
    }
}
