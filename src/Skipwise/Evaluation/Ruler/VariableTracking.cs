using System.Globalization;
using Skipwise.Numerics;
using Skipwise.Synthetic;

namespace Skipwise.Evaluation.Ruler;

/// <summary>vt: a chain of assignments among noise; which variables have the value? One worked example precedes it.</summary>
internal sealed class VariableTracking : IRulerGenerator
{
    public const int NewTokens = 30;
    private const int Hops = 4, ExampleTokens = 500, ExampleStep = 5;
    private readonly int _exampleLines;

    /// <param name="length">tokens of prompt and answer</param>
    /// <param name="count">tokens of a text</param>
    /// <remarks>The example fills 500 tokens, as in RULER, but at most a quarter of the length: RULER begins at 4,096.</remarks>
    public VariableTracking(int length, Func<string, int> count)
    {
        int limit = Math.Min(ExampleTokens, length / 4) - NewTokens;
        int steps = LargestFit.Find(3, length, steps =>
        {
            var rng = new KeyedRandom(0);
            return count(Problem(ref rng, ExampleStep * (steps + 1), isExample: true).Prompt) <= limit;
        });
        _exampleLines = ExampleStep * (Math.Max(steps, 0) + 1);
    }

    public int Smallest => Hops + 1; // every assignment is before a line of its own

    public int Largest => 1 << 26;

    public RulerText Write(ref KeyedRandom rng, int sample, int size)
    {
        RulerText example = Problem(ref rng, _exampleLines, isExample: true), problem = Problem(ref rng, size, isExample: false);
        return problem with { Prompt = $"{example.Prompt} {string.Join(' ', example.References)}\n\n\n\n{problem.Prompt}" };
    }

    private static RulerText Problem(ref KeyedRandom rng, int size, bool isExample)
    {
        string[] names = Names(ref rng, isExample ? 3 : 5);
        string value = rng.Between(10000, 99998).ToString(CultureInfo.InvariantCulture);
        List<string> lines = [.. Enumerable.Repeat(PasskeyText.Unit, size)];
        int[] places = [.. RulerRandom.Distinct(ref rng, size, names.Length).Order()];
        for (int i = 0; i < names.Length; i++)
        {
            lines.Insert(places[i] + i, i == 0 ? $"VAR {names[0]} = {value}" : $"VAR {names[i]} = VAR {names[i - 1]} ");
        }
        return new(
            $"Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{string.Join('\n', lines)}\n" +
            $"Question: Find all variables that are assigned the value {value} in the text above." +
            $" Answer: According to the chain(s) of variable assignment in the text above, {names.Length} variables are assigned the " +
            $"value {value}, they are: ", names);
    }

    private static string[] Names(ref KeyedRandom rng, int letters)
    {
        var names = new List<string>();
        while (names.Count < Hops + 1)
        {
            string name = RulerRandom.Letters(ref rng, 'A', letters);
            if (!names.Contains(name))
            {
                names.Add(name);
            }
        }
        return [.. names];
    }
}
