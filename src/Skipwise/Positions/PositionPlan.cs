using System.Collections.Immutable;

namespace Skipwise.Positions;

/// <summary>
/// The tokens of a document that an example holds, and their positions. The constructor checks what training relies on: chunk lengths sum
/// to the window, content indices rise within the document, positions strictly rise and stay below the target length. Compared by value. A
/// class and not a struct, because a default struct would escape the checks.
/// </summary>
/// <example>
/// <code>
/// // 100 tokens of a document of 1000: the first 40 at positions 0..39, and 60 more, from token 500 on, at positions 900..959
/// PositionPlan plan = new([new(0, 40, 0), new(500, 60, 900)], windowLength: 100, documentLength: 1000, targetLength: 1024);
/// int last = plan.PositionIds()[^1]; // 959
/// </code>
/// </example>
public sealed class PositionPlan : IEquatable<PositionPlan>
{
    /// <summary>Checks every invariant of the plan.</summary>
    /// <param name="chunks">in the order of the window, at least one</param>
    /// <param name="windowLength">tokens in the window: the lengths' sum</param>
    /// <param name="documentLength">n, tokens in the document</param>
    /// <param name="targetLength">Lt, the bound of the positions</param>
    /// <exception cref="ArgumentException">an invariant does not hold; the message names it and the chunk</exception>
    public PositionPlan(ImmutableArray<Chunk> chunks, int windowLength, int documentLength, int targetLength)
    {
        long sum = 0;
        Chunk before = default;
        for (int i = 0; i < chunks.Length; i++)
        {
            Chunk chunk = chunks[i];
            Require(chunk.Length >= 1, i, "has no token");
            // The default chunk ends at 0 in both orders, so the first chunk is checked against 0.
            Require(chunk.ContentStart >= before.ContentEnd, i, "reads the document backwards");
            Require(chunk.PositionStart >= before.PositionEnd, i, "steps back in position");
            Require((long)chunk.ContentStart + chunk.Length <= documentLength, i, $"ends behind the document's {documentLength} tokens");
            Require((long)chunk.PositionStart + chunk.Length <= targetLength, i, $"passes the target length {targetLength}");
            sum += chunk.Length;
            before = chunk;
        }
        if (chunks.IsDefaultOrEmpty || sum != windowLength)
        {
            throw new ArgumentException($"the chunks hold {sum} tokens, the window {windowLength}", nameof(chunks));
        }
        Chunks = chunks;
        WindowLength = windowLength;
        DocumentLength = documentLength;
        TargetLength = targetLength;
    }

    /// <summary>in the order of the window, at least one</summary>
    public ImmutableArray<Chunk> Chunks { get; }
    /// <summary>T, tokens in the example</summary>
    public int WindowLength { get; }
    /// <summary>n</summary>
    public int DocumentLength { get; }
    /// <summary>Lt</summary>
    public int TargetLength { get; }

    /// <summary>Position ids, strictly rising: int[T].</summary>
    public int[] PositionIds() => Expand(chunk => chunk.PositionStart);

    /// <summary>Indices into the document, strictly rising: int[T].</summary>
    public int[] ContentIndices() => Expand(chunk => chunk.ContentStart);

    /// <inheritdoc/>
    public bool Equals(PositionPlan? other) =>
        other is not null && TargetLength == other.TargetLength && DocumentLength == other.DocumentLength
        && Chunks.AsSpan().SequenceEqual(other.Chunks.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PositionPlan);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(TargetLength, DocumentLength, Chunks.Length, Chunks[^1]);

    /// <inheritdoc/>
    public override string ToString() => string.Join(" ", Chunks);

    private int[] Expand(Func<Chunk, int> first)
    {
        int[] values = new int[WindowLength];
        int t = 0;
        foreach (Chunk chunk in Chunks)
        {
            int start = first(chunk);
            for (int k = 0; k < chunk.Length; k++)
            {
                values[t++] = start + k;
            }
        }
        return values;
    }

    private static void Require(bool holds, int chunk, string broken)
    {
        if (!holds)
        {
            throw new ArgumentException($"chunk {chunk} {broken}");
        }
    }
}
