using System.Globalization;
using System.Text.RegularExpressions;
using Skipwise.Numerics;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Passkey;

/// <summary>
/// One passkey prompt: a number hidden in filler text and asked for at the end (Mohtashami, Jaggi 2023, in the wording of eval_passkey.py
/// of the PoSE reference code). Pure: the same settings give the same prompt.
/// </summary>
/// <param name="Length">the most tokens of prompt, BOS and answer together; less than one unit of filler stays unused</param>
/// <param name="Trial">0, 1, ... within the length</param>
/// <param name="Depth">fraction of the filler text before the key, 0..1</param>
/// <param name="Key">1..50000</param>
/// <param name="InputIds">the prompt's tokens, BOS first if the tokenizer adds one</param>
public sealed partial record PasskeyPrompt(int Length, int Trial, double Depth, int Key, string Text, int[] InputIds)
{
    /// <summary>All prompts of an evaluation, length by length. They depend on the tokenizer and not on the model.</summary>
    /// <exception cref="SkipwiseException">a length does not hold the prompt without filler</exception>
    public static IReadOnlyList<PasskeyPrompt> All(ITokenizer tokenizer, PasskeyOptions options)
    {
        options.Validate();
        return [.. options.Lengths.SelectMany(length => Enumerable.Range(0, options.Trials * (options.Grid ?? 1))
            .Select(trial => Draw(tokenizer, length, trial, options)))];
    }

    /// <summary>The prompt of one trial: a function of (seed, length, trial).</summary>
    public static PasskeyPrompt Draw(ITokenizer tokenizer, int length, int trial, PasskeyOptions options)
    {
        var rng = new KeyedRandom(options.Seed, stream: (ulong)length, index: (ulong)trial);
        int key = PasskeyText.DrawKey(ref rng);
        double depth = options.MaxDepth * (options.Grid is { } depths ? trial / options.Trials / (depths - 1.0)
            : options.Depths == PasskeyDepths.Random ? rng.NextDouble()
            : (trial + 0.5) / options.Trials);
        return Compose(tokenizer, length, depth, key, options.MaxNewTokens, options.Variant) with { Trial = trial };
    }

    /// <summary>The longest prompt with this key at this depth that leaves <paramref name="maxNewTokens"/> tokens for the answer.</summary>
    /// <remarks>
    /// The PoSE reference code assumes 25 tokens per unit (Llama's tokenizer); this counts with the given tokenizer. Of n units (or
    /// characters), floor(depth * (n + 1)) are before the key, so a uniform depth gives the reference's U{0..n}.
    /// </remarks>
    public static PasskeyPrompt Compose(ITokenizer tokenizer, int length, double depth, int key, int maxNewTokens,
        PasskeyVariant variant = PasskeyVariant.Pose)
    {
        int maxTokens = length - maxNewTokens;
        PasskeyPrompt Write(int size)
        {
            int before = Math.Min(size, (int)(depth * (size + 1)));
            string text = variant == PasskeyVariant.Pose
                ? PasskeyText.Prompt(key, before, size - before)
                : PasskeyText.Prompt(key, PasskeyText.CutGarbage(before), PasskeyText.CutGarbage(size - before));
            int[] ids = tokenizer.Encode(text);
            return new(length, 0, depth, key, text, tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. ids] : ids);
        }

        PasskeyPrompt bare = Write(0);
        if (bare.InputIds.Length > maxTokens)
        {
            throw new SkipwiseException(
                $"Passkey length {length} is too short: with this tokenizer the prompt takes {bare.InputIds.Length} tokens before any " +
                $"garbage, " +
                $"and the answer {maxNewTokens}. Ask for lengths of at least " +
                $"{bare.InputIds.Length + maxNewTokens + (int)UnitCost(tokenizer)} tokens.");
        }
        double cost = variant == PasskeyVariant.Pose ? UnitCost(tokenizer) : UnitCost(tokenizer) / PasskeyText.Unit.Length;
        PasskeyPrompt best = bare;
        LargestFit.Find((int)((maxTokens - bare.InputIds.Length) / cost), int.MaxValue / 2, size =>
        {
            PasskeyPrompt prompt = Write(size);
            bool fits = prompt.InputIds.Length <= maxTokens;
            best = fits && prompt.Text.Length > best.Text.Length ? prompt : best;
            return fits;
        });
        return best;
    }

    /// <summary>The first number in an answer, or null.</summary>
    public static long? ReadKey(string answer) =>
        long.TryParse(FirstNumber().Match(answer).Value, NumberStyles.None, CultureInfo.InvariantCulture, out long key) ? key : null;

    /// <summary>The tokens of one unit of filler between others.</summary>
    private static double UnitCost(ITokenizer tokenizer)
    {
        const int few = 1, many = 9;
        int Count(int units) => tokenizer.Encode(string.Concat(Enumerable.Repeat(PasskeyText.Unit, units))).Length;
        return (Count(many) - Count(few)) / (double)(many - few);
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex FirstNumber();
}
