using Skipwise.Numerics;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Ruler;

/// <summary>
/// The samples of one task at one length. The first sample determines the haystack's size; a later sample that is too long with it uses a
/// smaller one. Pure: a sample is a function of (seed, task, length, its index).
/// </summary>
internal sealed class RulerSamples
{
    private const ulong FirstStream = 0x52554C4552; // "RULER" in ASCII, distinct from the streams of other draws
    private readonly RulerTask _task;
    private readonly ITokenizer _tokenizer;
    private readonly int _length;
    private readonly ulong _seed;
    private readonly IRulerGenerator _writer;
    private readonly int _size;

    /// <summary>Finds the haystack's size with the first sample.</summary>
    /// <exception cref="SkipwiseException">the length does not hold the task's smallest prompt and its answer</exception>
    public RulerSamples(RulerTask task, RulerData material, ITokenizer tokenizer, int length, RulerOptions options)
    {
        (_task, _tokenizer, _length, _seed) = (task, tokenizer, length, options.Seed);
        _writer = task.Writer(material, length, text => tokenizer.Encode(text).Length);
        Count = Math.Min(options.Samples, _writer.Samples ?? int.MaxValue);

        int smallest = Draw(0, _writer.Smallest).InputIds.Length;
        if (smallest > MaxPrompt)
        {
            throw new SkipwiseException(
                $"RULER: length {length} is too short for {task.Name}: with this tokenizer its smallest prompt takes {smallest} tokens " +
                $"and its answer {task.NewTokens}. " +
                $"Ask for lengths of at least {smallest + task.NewTokens} tokens, or leave the task out.");
        }
        int probe = Math.Min(_writer.Smallest + 50, _writer.Largest);
        double cost = Math.Max(1e-3, (Draw(0, probe).InputIds.Length - smallest) / (double)Math.Max(1, probe - _writer.Smallest));
        int guess = (int)Math.Min((MaxPrompt - smallest) / cost, _writer.Largest - _writer.Smallest);
        _size = _writer.Smallest
            + LargestFit.Find(
                guess, _writer.Largest - _writer.Smallest, more => Draw(0, _writer.Smallest + more).InputIds.Length <= MaxPrompt);
    }

    /// <summary>number of samples</summary>
    public int Count { get; }

    private int MaxPrompt => _length - _task.NewTokens;

    /// <summary>Generates one sample.</summary>
    /// <param name="sample">0..<see cref="Count"/> - 1</param>
    public RulerPrompt Draw(int sample)
    {
        int size = _size;
        RulerPrompt prompt = Draw(sample, size);
        while (prompt.InputIds.Length > MaxPrompt && size > _writer.Smallest)
        {
            int excess = prompt.InputIds.Length - MaxPrompt;
            size = Math.Max(_writer.Smallest, size - Math.Max(1, (int)((long)size * excess / prompt.InputIds.Length)));
            prompt = Draw(sample, size);
        }
        return prompt.InputIds.Length <= MaxPrompt ? prompt : throw new SkipwiseException(
            $"RULER: length {_length} is too short for sample {sample} of {_task.Name}, whose own text takes {prompt.InputIds.Length} " +
            $"tokens. Ask for greater lengths, or leave the task out.");
    }

    private RulerPrompt Draw(int sample, int size)
    {
        var rng = new KeyedRandom(_seed, FirstStream + (ulong)RulerTask.All.Index().First(task => task.Item.Name == _task.Name).Index,
            index: ((ulong)_length << 32) + (ulong)sample);
        RulerText text = _writer.Write(ref rng, sample, size);
        int[] ids = _tokenizer.Encode(text.Prompt);
        return new(_task, _length, sample, text, _tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. ids] : ids);
    }
}
