using CsCheck;
using Skipwise.Evaluation.Perplexity;

namespace Skipwise.Tests.Evaluation.Perplexity;

public sealed class ScoringWindowsTests
{
    [Fact]
    public void Sliding_windows_of_a_small_document_by_hand() =>
        // W = 5: four tokens after BOS. Stride 3: begin 0, 3, 6; the last window ends with the document.
        Assert.Equal([new(0, 4, 4), new(3, 7, 3), new(6, 9, 2)], ScoringWindows.Sliding(documentLength: 9, windowLength: 5, stride: 3));

    [Fact]
    public void Sliding_windows_count_every_token_once_in_a_window_of_the_right_size() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[2, 60], Gen.Int[1, 59]).Where((_, window, stride) => stride < window)
        .Sample((length, window, stride) =>
        {
            ScoringWindow[] windows = [.. ScoringWindows.Sliding(length, window, stride)];
            Assert.Equal(Enumerable.Range(0, length), windows.SelectMany(w => Enumerable.Range(w.End - w.Scored, w.Scored)));
            Assert.All(windows, w => Assert.InRange(w.Scored, 1, w.End - w.Begin));
            Assert.All(windows, w => Assert.InRange(w.Length, 2, window));
            Assert.Equal(windows.Select((_, i) => i * stride), windows.Select(w => w.Begin));
            Assert.All(windows.SkipLast(1), w => Assert.Equal(window, w.Length));
        });

    [Fact]
    public void A_stride_that_would_skip_tokens_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ScoringWindows.Sliding(100, 16, 16).Count());

    [Fact]
    public void A_truncated_window_is_the_document_s_beginning()
    {
        Assert.Equal(new ScoringWindow(0, 31, 31), ScoringWindows.Truncated(100, 32));
        Assert.Equal(new ScoringWindow(0, 20, 20), ScoringWindows.Truncated(20, 32));
    }

    [Fact]
    public void Windows_over_last_tokens_of_every_length_end_on_the_same_targets() =>
        Gen.Select(Gen.Int[1, 300], Gen.Int[1, 40], Gen.Int[2, 200])
        .Where((length, targets, window) => targets <= length && targets < window).Sample((length, targets, window) =>
        {
            ScoringWindow w = ScoringWindows.LastTokens(length, window, targets);
            Assert.Equal((length, targets, Math.Min(window, length + 1)), (w.End, w.Scored, w.Length));
        });
}
