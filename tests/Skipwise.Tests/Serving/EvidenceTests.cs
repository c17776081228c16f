using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Tests.Serving;

/// <summary>The places of an answer, from the sources of its tokens.</summary>
public sealed class EvidenceTests
{
    [Fact]
    public void Sources_that_are_near_are_one_place_and_the_strongest_is_first()
    {
        IReadOnlyList<Evidence> places = Evidence.Of([
            [new(100, 0.5f), new(10, 0.25f)],
            [new(101, 0.5f), new(11, 0.25f)],
            [new(117, 0.5f)],
            [],
        ]);
        Assert.Equal([(100, 118, 0.375), (10, 12, 0.125)], places.Select(place => (place.Start, place.End, place.Score)));
        Assert.Equal(2, Evidence.Of([[new(100, 0.5f), new(117, 0.5f)]]).Count); // too far from each other
    }

    [Fact]
    public void Weak_sources_all_over_a_text_do_not_join_its_places()
    {
        TokenSource[] anywhere = [.. Enumerable.Range(0, 200).Select(i => new TokenSource(10 * i, 1 / 64f))];
        IReadOnlyList<Evidence> places = Evidence.Of([[.. anywhere, new(1005, 1f)], [new(1006, 1f)]]);
        Assert.InRange(places[0].Score, 1, 1.2);
        Assert.All(places, place => Assert.InRange(place.End - place.Start, 1, 128));
    }

    [Fact]
    public void A_word_that_is_found_anywhere_is_no_evidence()
    {
        IReadOnlyList<TokenSource> anywhere = [.. Enumerable.Range(1, 12).Select(i => new TokenSource(100 * i, 1 / 12f))];
        Assert.Empty(Evidence.Of([anywhere]));
        Assert.Empty(Evidence.Of([[new(5, 0.9f)], .. Enumerable.Repeat<IReadOnlyList<TokenSource>>([], 9)])); // one word of ten
        Assert.Empty(Evidence.Of([]));
    }
}
