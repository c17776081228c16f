using System.Globalization;
using System.Net;

namespace Skipwise.Hub;

/// <summary>What an answer of the hub that is no success means, and what the user can do about it.</summary>
internal static class HubRefusal
{
    /// <summary>The error of an answer: a <see cref="HubTransientException"/> if it may pass, else a
    /// <see cref="SkipwiseException"/>.</summary>
    /// <param name="sentToken">whether the request had the user's token</param>
    public static Exception Of(HubModelId id, HttpResponseMessage answer, HubSettings settings, bool sentToken)
    {
        HttpStatusCode status = answer.StatusCode;
        string code = answer.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? codes) ? codes.FirstOrDefault() ?? "" : "";
        string page = new Uri(settings.Endpoint, id.Repository).ToString(), host = answer.RequestMessage!.RequestUri!.Authority;
        string token = sentToken
            ? $"the token of {settings.TokenSource} has been sent"
            : $"no token has been sent: 'hf auth login', or set HF_TOKEN, to a token from {settings.Endpoint}settings/tokens";
        if (status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)status >= 500)
        {
            string reason = status == HttpStatusCode.TooManyRequests ? "receives too many requests" : "is busy or fails";
            return new HubTransientException($"{host} {reason} ({(int)status})", retryAfter: RetryAfter(answer));
        }
        return new SkipwiseException((code, status) switch
        {
            ("GatedRepo", _) =>
                $"{id}: is gated ({(int)status}). Accept its terms at {page} with your account, and give a token of that account; {token}",
            ("RevisionNotFound", _) => $"{id}: the model has no revision {id.Revision}. Its branches and tags are at {page}/tree/main",
            ("EntryNotFound", _) =>
                $"{id}: the hub lists a file that it does not have ({answer.RequestMessage.RequestUri.AbsolutePath}). Try again",
            ("DisabledRepo", _) => $"{id}: has been disabled by the hub. See {page}",
            (_, HttpStatusCode.Unauthorized) =>
                $"{id}: there is no such model at {settings.Endpoint}, or it is private" +
                $"{(sentToken ? ", or the token is not valid" : "")} (401). Check the name; {token}",
            (_, HttpStatusCode.Forbidden) =>
                $"{id}: access is refused by {host} (403). Look at {page} whether its terms have to be accepted; {token}",
            (_, HttpStatusCode.NotFound) => $"{id}: there is no such model at {settings.Endpoint} (404). Check the name",
            _ => $"{id}: {host} answers {(int)status} {answer.ReasonPhrase}. Is {settings.Endpoint} the address of a hub?",
        });
    }

    /// <summary>The hub's own way to say it: <c>ratelimit: "api";r=0;t=55</c>, t in seconds.</summary>
    private static TimeSpan? RateLimit(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("RateLimit", out IEnumerable<string>? values)
            && values.SelectMany(value => value.Split(';', ',')).Select(part => part.Trim())
                .FirstOrDefault(part => part.StartsWith("t=", StringComparison.OrdinalIgnoreCase)) is { } reset
            && int.TryParse(reset.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            ? TimeSpan.FromSeconds(seconds + 1) : null;

    private static TimeSpan? RetryAfter(HttpResponseMessage answer)
    {
        TimeSpan? wait = answer.Headers.RetryAfter is { } after
            ? after.Delta ?? (after.Date is { } date ? date - DateTimeOffset.UtcNow : null)
            : RateLimit(answer);
        return wait is { } time ? (time > TimeSpan.Zero ? time : TimeSpan.Zero) : null;
    }
}
