// The address of the sign-in; pages that need one show it in their place.
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso";
import { isSignedIn } from "../api/session";
import { destination } from "./destination";
import { SignInForm } from "./sign-in-form";

export default function SignInPage() {
  const { query, route } = useLocation();
  const isIn = isSignedIn.value;
  useEffect(() => {
    if (isIn) route(destination(query.to), true);
  }, [isIn]);
  return isIn ? null : <SignInForm />;
}
