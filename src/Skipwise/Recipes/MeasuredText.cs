using System.Diagnostics;
using System.Text;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Recipes;

/// <summary>A text to be generated, and how long that takes.</summary>
/// <param name="begin">hands in the request</param>
/// <param name="promptTokens">tokens of the prompt</param>
/// <param name="onEnd">called with the whole text</param>
internal sealed class MeasuredText(Func<TextGeneration> begin, int promptTokens, Action<string> onEnd)
{
    /// <summary>tokens of the prompt</summary>
    public int PromptTokens => promptTokens;

    /// <summary>null until the text has ended</summary>
    public GeneratedTextMeasures? Measures { get; private set; }

    /// <summary>The pieces of the text, each as soon as it is known; one may be empty. The request is handed in with the first.</summary>
    /// <exception cref="SkipwiseException">the request is impossible, or has failed</exception>
    public IEnumerable<string> Pieces()
    {
        long start = Stopwatch.GetTimestamp(), first = 0;
        TextGeneration text = begin();
        var whole = new StringBuilder();
        foreach (TextDelta delta in text.ReadDeltas().ToBlockingEnumerable())
        {
            long now = Stopwatch.GetTimestamp();
            first = first == 0 ? now : first;
            whole.Append(delta.Text);
            if (delta.Finish is { } finish)
            {
                Measures = new GeneratedTextMeasures(PromptTokens, text.CachedTokens, text.NewTokens, finish,
                    Stopwatch.GetElapsedTime(start, first).TotalSeconds, Stopwatch.GetElapsedTime(first, now).TotalSeconds);
                onEnd(whole.ToString());
            }
            yield return delta.Text;
        }
    }
}
