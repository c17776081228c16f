using Skipwise.Storage;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers;

/// <summary>The added tokens of a tokenizer.json, completed from the files next to it as transformers does.</summary>
internal sealed class AddedTokenList(Dictionary<string, int> vocabulary)
{
    private readonly List<AddedToken> _tokens = [];

    public IReadOnlyCollection<AddedToken> Tokens => _tokens;

    public int? IdOf(string text) =>
        _tokens.Find(t => t.Content == text)?.Id ?? (vocabulary.TryGetValue(text, out int id) ? id : null);

    /// <summary>
    /// Adds a token. Hugging Face's library ignores the id in the file and uses the vocabulary's, or the next free one. A file with a
    /// different id is ambiguous and refused.
    /// </summary>
    public void Add(LocatedJson place, AddedToken token)
    {
        if (_tokens.Exists(known => known.Content == token.Content))
        {
            throw place.Error($"is the token \"{token.Content}\" again");
        }
        int free = Math.Max(vocabulary.Count, _tokens.Select(known => known.Id + 1).DefaultIfEmpty(0).Max());
        int expected = vocabulary.TryGetValue(token.Content, out int known) ? known : free;
        if (token.Content.Length > 0 && token.Id != expected)
        {
            throw place.Error(
                $"is the token \"{token.Content}\" with the id {token.Id}, but Hugging Face's library gives it {expected}, " +
                (expected == free ? "the next that is free" : "the vocabulary's") + "; give it that id, or list the tokens before it");
        }
        _tokens.Add(token);
    }

    /// <summary>Adds the tokens that only the settings have. For a token in both, the settings determine which white space it
    /// includes.</summary>
    public void Complete(TokenizerSettings settings)
    {
        foreach (var (place, token) in settings.PlacedTokens)
        {
            int at = _tokens.FindIndex(known => known.Id == token.Id);
            if (at < 0)
            {
                Add(place, token);
            }
            else if (_tokens[at].Content != token.Content)
            {
                throw place.Error(
                    $"is the token \"{token.Content}\", but in tokenizer.json the id {token.Id} is \"{_tokens[at].Content}\"");
            }
            else if (place.IsObject)
            {
                var (left, right, single) = (token.LeftStrip, token.RightStrip, token.SingleWord);
                _tokens[at] = _tokens[at] with { LeftStrip = left, RightStrip = right, SingleWord = single };
            }
        }
        foreach (string text in settings.SpecialTexts)
        {
            if (vocabulary.TryGetValue(text, out int id) && !_tokens.Exists(known => known.Content == text))
            {
                _tokens.Add(new AddedToken(id, text, Special: true));
            }
        }
    }
}
