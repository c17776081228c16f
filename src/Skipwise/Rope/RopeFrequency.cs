namespace Skipwise.Rope;
public static class RopeFrequency
{
    public static RopeFrequencies Compute(RopeOptions rope, int rotaryDim, int sequenceLength = 0) =>
        new([.. Enumerable.Range(0, rotaryDim / 2).Select(i => Math.Pow(rope.Theta, -2.0 * i / rotaryDim) / (rope.Type == RopeType.Linear ? rope.Factor : 1))], 1);
}
